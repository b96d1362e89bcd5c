//! An old run as input for its later stages: what has been worked out is kept, what is to be tried anew is left out.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use record::Record;
use run::Follower;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use stage::{Error, tell};

use crate::args::Stage;

/// Writes the plan line and the last line of each task, without what `before` and the stages behind it have added.
pub(crate) fn write(run: &Path, before: Stage) -> Result<(), Error> {
    let lines = last_lines(run)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written =
        lines.iter().try_for_each(|line| writeln!(out, "{}", without(line, before))).and_then(|()| out.flush());
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Error::ReaderGone),
        Err(error) => Err(Error::system("stdout", error)),
    }
}

/// The plan line first, then the tasks in the order in which they first came.
fn last_lines(run: &Path) -> Result<Vec<String>, Error> {
    let (mut plan, mut tasks) = (None, Vec::new());
    let mut places: HashMap<String, usize> = HashMap::new();
    let (mut unread, mut first) = (0_u64, None);
    let mut follower = Follower::new(run);
    let mut skip = |number: u64, why: String| {
        unread += 1;
        first.get_or_insert((number, why));
    };
    loop {
        let done = follower.new_lines(|number, line| {
            if line.trim().is_empty() {
                return;
            }
            let record = match Record::parse(line) {
                Ok(record) => record,
                Err(error) => return skip(number, error.to_string()),
            };
            match &*record.kind() {
                "plan" => plan = Some(line.trim_end().to_owned()),
                "task" => match record.text("id") {
                    Some(id) => {
                        let at = *places.entry(id.into_owned()).or_insert_with(|| {
                            tasks.push(String::new());
                            tasks.len() - 1
                        });
                        line.trim_end().clone_into(&mut tasks[at]);
                    }
                    None => skip(number, "a task without an id".into()),
                },
                _ => {}
            }
        });
        match done {
            Ok(()) => break,
            // The follower stands behind that line now.
            Err(run::Error::NotUtf8 { line, .. }) => skip(line, "not UTF-8".into()),
            Err(error) => return Err(crate::refused(error)),
        }
    }
    if let Some((number, why)) = first {
        tell(crate::NAME, &format!("{}:{number}: {why}; {unread} lines were left out", run.display()));
    }
    Ok(plan.into_iter().chain(tasks).collect())
}

/// The sections of a task, each with the stage that adds it.
const SECTIONS: [(&str, Stage); 5] = [
    ("route", Stage::Route),
    ("batch", Stage::Route),
    ("result", Stage::CodexExec),
    ("verdict", Stage::Verify),
    ("landed", Stage::Land),
];

/// The line without what a stage and those behind it have added; everything else keeps its spelling and its order.
fn without(line: &str, before: Stage) -> String {
    let Ok(Fields(fields)) = serde_json::from_str::<Fields>(line) else { return line.to_owned() };
    let mut text = String::from("{");
    for (name, value) in fields {
        if SECTIONS.iter().any(|(section, stage)| *section == name && *stage >= before) {
            continue;
        }
        let kept = if name == "decisions" { decisions(value.get(), before) } else { Some(value.get().to_owned()) };
        let Some(kept) = kept else { continue };
        let comma = if text.len() > 1 { "," } else { "" };
        text.extend([comma, &serde_json::Value::from(name).to_string(), ":", &kept]);
    }
    text + "}"
}

/// The decisions that were made before a stage; `None` when there are none.
fn decisions(list: &str, before: Stage) -> Option<String> {
    #[derive(Deserialize)]
    struct Decision {
        gate: Option<String>,
    }
    let list: Vec<&RawValue> = serde_json::from_str(list).ok()?;
    let kept: Vec<&str> = list
        .into_iter()
        .map(RawValue::get)
        .filter(|decision| {
            let gate = serde_json::from_str::<Decision>(decision).ok().and_then(|decision| decision.gate);
            match gate.as_deref() {
                Some("plan") => before > Stage::Route,
                Some("fallback") => before > Stage::CodexExec,
                _ => before > Stage::Approve,
            }
        })
        .collect();
    (!kept.is_empty()).then(|| format!("[{}]", kept.join(",")))
}

/// The fields of an object in their order.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Fields<'de>;

            fn expecting(&self, text: &mut fmt::Formatter) -> fmt::Result {
                text.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<String, &RawValue>()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"type":"task","id":"1","mine":0.10,"route":{"rank":1E2},"batch":{"number":1,"attempt":2},"decisions":[{"gate":"plan","status":"approved"},{"gate":"fallback","x":1.0},{"gate":"result"}],"result":{"status":"ok"},"verdict":{},"\u0078":-0,"landed":{}}"#;

    #[test]
    fn each_stage_finds_what_came_before_it() {
        let of = |stage| without(LINE, stage);
        assert_eq!(of(Stage::Route), r#"{"type":"task","id":"1","mine":0.10,"x":-0}"#);
        assert!(
            of(Stage::CodexExec).contains("1E2")
                && of(Stage::CodexExec).contains(r#""decisions":[{"gate":"plan","status":"approved"}]"#)
        );
        assert!(!of(Stage::CodexExec).contains("result"));
        let verify = of(Stage::Verify);
        assert!(verify.contains(r#"{"gate":"fallback","x":1.0}],"result":{"status":"ok"},"x":-0}"#), "{verify}");
        assert!(of(Stage::Approve).contains("verdict") && !of(Stage::Approve).contains(r#"{"gate":"result"}"#));
        assert!(of(Stage::Land).contains(r#"{"gate":"result"}"#) && !of(Stage::Land).contains("landed"));
    }
}
