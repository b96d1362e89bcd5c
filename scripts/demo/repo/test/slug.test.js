import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slug } from '../src/slug.js';

test('words are joined by one hyphen', () => {
  assert.equal(slug('Hello World'), 'hello-world');
  assert.equal(slug('Hello,   World!'), 'hello-world');
});

test('there is no hyphen at either end', () => {
  assert.equal(slug('  (Hello)  '), 'hello');
});
