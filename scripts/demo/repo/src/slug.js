/** The part of an address that names an article: "Hello, World!" becomes "hello-world". */
export function slug(title) {
  return title.toLowerCase().replace(/[^a-z0-9]/g, '-');
}
