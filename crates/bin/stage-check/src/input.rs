//! Plans for the stage: complete as `plan-parse` writes them, and with nothing to do in them.

const DIGEST: &str = "00000000000000000000000000000000000000000000000000000000000c4ec7";

/// The first line of a plan.
pub fn plan() -> String {
    format!(
        r#"{{"type":"plan","v":1,"path":"docs/plans/stage-check.md","title":"Nothing to do","digest":"{DIGEST}","tasks":3,"format":"plan-and-execute","x-plan":{{"n":[1,2]}}}}"#
    )
}

/// A task that nobody has looked at yet. `more` is put before the closing brace: `,"x":1`.
pub fn open(id: &str, more: &str) -> String {
    task(id, false, more)
}

/// A task that the plan has ticked off.
pub fn ticked(id: &str, more: &str) -> String {
    task(id, true, more)
}

fn task(id: &str, checked: bool, more: &str) -> String {
    format!(
        r#"{{"type":"task","id":"{id}","title":"Nothing to do {id}","objective":"Nothing to do","files":[],"commands":["true"],"done":[{{"text":"nothing is done","checked":{checked}}}],"needs":[],"checked":{checked},"body":"Nothing to do.\n","source":{{"path":"docs/plans/stage-check.md","line":1,"end_line":2}},"digest":"{DIGEST}"{more}}}"#
    )
}

/// A task that has been all the way through the pipe: every section is there. `more` is put into every object of it.
pub fn done(id: &str, more: &str) -> String {
    let batch = format!(r#","batch":{{"number":1,"attempt":1,"attempts_left":2{more}}}"#);
    done_in(id, &batch, more)
}

/// As [`done`], in a batch of your choice.
pub fn done_in(id: &str, batch: &str, more: &str) -> String {
    let decision = |gate: &str| {
        format!(
            r#"{{"gate":"{gate}","status":"approved","by":"person:nobody","at":"2026-01-02T03:04:05Z","task_digest":"{DIGEST}"{more}}}"#
        )
    };
    format!(
        r#"{{"type":"task","id":"{id}","title":"Done {id}","objective":"Done already","files":[{{"path":"stage-check.txt","action":"read"{more}}}],"commands":["true"],"done":[{{"text":"it is done","command":"true","checked":false{more}}}],"needs":[],"backend":"stage-check","work_type":"implement","minutes":5,"checked":false,"constraints":["none"],"body":"Done.\n","source":{{"path":"docs/plans/stage-check.md","line":3,"end_line":4{more}}},"digest":"{DIGEST}","route":{{"work_type":"implement","backend":"stage-check","models":["none"],"rank":0,"rule":"stage-check","why":"nobody's"{more}}}{batch},"result":{{"status":"ok","code":0,"backend":"stage-check","message":"done","usage":{{"input":10,"cached_input":0,"output":5,"total":15{more}}},"attempts":[{{"backend":"stage-check","started":"2026-01-02T03:04:05Z","seconds":1{more}}}],"changed":[]{more}}},"verdict":{{"status":"pass","checks":[{{"kind":"command","name":"true","status":"pass","exit":0,"seconds":1,"tail":""{more}}}]{more}}},"decisions":[{},{}],"landed":{{"status":"nothing"{more}}}{more}}}"#,
        decision("plan"),
        decision("result"),
    )
}

/// Lines that belong to somebody else, or that no stage between plan-parse and journal acts on.
pub fn foreign(mark: &str) -> Vec<String> {
    [
        format!(
            r#"{{ "type" : "x-note", "mark":"{mark}-a" ,"text":"\u00e4\/ ä","deep":{{"b":[1,  {{"a":null}}],"a":[]}} }}"#
        ),
        format!(
            r#"{{"mark":"{mark}-b","inner":{{"type":"task","id":"1","title":"not a task"}},"type":"x-wrapped"}}"#
        ),
        format!(r#"{{"type":"tasks","mark":"{mark}-c"}}"#),
        format!(r#"{{"type":"Task","mark":"{mark}-d","id":1}}"#),
        format!(
            r#"{{"type":"release","id":"nobody","attempt":1,"digest":"{DIGEST}","at":"2026-01-02T03:04:05Z","mark":"{mark}-e"}}"#
        ),
        format!(
            r#"{{"type":"decision","id":"nobody","gate":"result","status":"approved","by":"person:nobody","at":"2026-01-02T03:04:05Z","mark":"{mark}-f"}}"#
        ),
    ]
    .into()
}

/// A plan with a task of each kind and foreign lines between them.
pub fn mixed(more: &str) -> Vec<String> {
    let mut lines = vec![plan(), open("1", more)];
    lines.extend(foreign("m"));
    lines.extend([ticked("2", more), done("2.1", more), open("T014", more)]);
    lines.push(r#"{"type":"x-last","mark":"z"}"#.into());
    lines
}

/// A task of each kind.
pub fn tasks(more: &str) -> Vec<String> {
    vec![open("1", more), ticked("2", more), done("2.1", more)]
}

/// Lines as bytes, each with its line end.
pub fn bytes(lines: &[String]) -> Vec<u8> {
    let mut bytes = lines.join("\n").into_bytes();
    if !bytes.is_empty() {
        bytes.push(b'\n');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;

    #[test]
    fn all_lines_are_good_and_different() {
        let lines = mixed(r#","x-a":[1,{"b":null}]"#);
        let ledger = Ledger::new(&lines, &bytes(&lines));
        assert!(ledger.is_complete() && ledger.garbage.is_empty() && ledger.invented.is_empty(), "{ledger:?}");
        assert_eq!(ledger.pairs.len(), lines.len());
        assert!(ledger.pairs.iter().all(|pair| pair.differences.is_empty()) && ledger.overtaken.is_none());
    }
}
