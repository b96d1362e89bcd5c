//! Plans of ralphex: `### Task 1: Title` with boxes as steps, done one after the other, and a section
//! `Validation Commands` with what must pass after each of them.

use super::Order;
use super::numbered::Opener;
use super::superpowers::drafts;
use super::{Dialect, Source, explicit};
use crate::draft::{Reading, Written};
use crate::markdown::{Document, Kind, code_text};
use crate::shell;

/// The layout of ralphex.
pub struct Ralphex;

impl Dialect for Ralphex {
    fn name(&self) -> &'static str {
        "ralphex"
    }

    fn order(&self) -> Order {
        Order::Sequence
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let commands = validation(document)?;
        let outline = source.outline();
        let openers: &[Opener] = &outline.tasks;
        if openers.is_empty() {
            return None;
        }
        let mut reading = drafts(document, openers, &outline.fields);
        for draft in &mut reading.drafts {
            for command in &commands {
                if !draft.commands.iter().any(|own| own.value == command.value) {
                    draft.commands.push(command.clone());
                    draft.infer("commands");
                }
            }
        }
        Some(reading)
    }
}

/// The commands of the section `Validation Commands`, when there is one.
fn validation(document: &Document) -> Option<Vec<Written<String>>> {
    let heading = document.blocks.iter().position(|block| {
        matches!(block.kind, Kind::Heading(_))
            && block.depth == 0
            && !block.quoted
            && document.inner(block).trim_end_matches(':').eq_ignore_ascii_case("validation commands")
    })?;
    let section = document.blocks[heading + 1..].iter().take_while(|block| !matches!(block.kind, Kind::Heading(_)));
    let mut commands = Vec::new();
    for block in section {
        match block.kind {
            Kind::Code { .. } => {
                let all = shell::commands(&explicit::code(document, block));
                commands.extend(all.into_iter().map(|command| Written::new(command, block.range.clone())));
            }
            Kind::Paragraph => {
                let mut codes = document.codes(block, &block.inner);
                if let Some(span) = codes.next() {
                    let command = code_text(document.slice(&span.range)).to_owned();
                    commands.push(Written::new(command, span.range.clone()));
                }
            }
            _ => {}
        }
    }
    Some(commands)
}
