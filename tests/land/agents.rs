//! From the real Codex CLI into the branch.

use mock_models::{Conversation, Script, Step};
use serde_json::json;

use crate::harness::{Desk, git, task};

/// Three write at once, a fourth goes on from two of them; what the user has in hand stays as it is.
#[test]
fn the_work_of_agents_lands_while_the_user_has_work_in_progress() {
    let writes = |id: &str, shell: &str| {
        Conversation::new([Step::shell(shell), Step::text("It is done.")]).matching(format!("Task {id}: "))
    };
    let desk = Desk::new(Script::new([
        writes("1", "echo 1 > one.txt"),
        writes("2", "echo 2 > two.txt"),
        writes("3", "echo more >> b.txt"),
        writes("4", "cat one.txt two.txt mine.txt > four.txt"),
    ]));
    let repo = desk.repo();
    git(&repo, &["config", "user.name", "The User"]);
    git(&repo, &["config", "user.email", "user@localhost"]);
    std::fs::write(repo.join("a.txt"), "in progress\n").unwrap();
    std::fs::write(repo.join("mine.txt"), "not added yet\n").unwrap();
    let policy = repo.with_file_name("trust.toml");
    std::fs::write(&policy, "[[rule]]\ngate = \"result\"\nwhen = \"pass\"\ndecision = \"approved\"\n").unwrap();
    let work = |id: &str, file: &str, action: &str, more: &str| {
        let files = format!(",\"files\":[{{\"path\":\"{file}\",\"action\":\"{action}\"}}]");
        let source = format!(",\"source\":{{\"path\":\"p.md\",\"line\":{id},\"end_line\":{id}}}");
        let commands = format!(",\"commands\":[\"test -s {file}\"]");
        task(id, "workspace-write", &format!("{files}{source}{commands}{more}"))
    };
    let pipe = |lines: String| {
        let plan = "{\"type\":\"plan\",\"path\":\"docs/plans/p.md\"}\n".to_owned();
        let done = desk.tool("codex-exec").arg("--isolate=worktree").input(plan + &lines).run().ended(0);
        let done = desk.tool("verify").input(done.out).run().ended(0);
        let done = desk.tool("approve").arg("--policy").arg(&policy).input(done.out).run().ended(0);
        desk.tool("land").input(done.out).run().ended(0)
    };
    let done = pipe(
        [("1", "one.txt", "create"), ("2", "two.txt", "create"), ("3", "b.txt", "modify")]
            .map(|(id, file, action)| work(id, file, action, ""))
            .concat(),
    );
    for id in ["1", "2", "3"] {
        assert_eq!(done.task(id)["landed"]["status"], "merged", "{:#}", done.task(id));
    }
    assert_eq!(git(&repo, &["log", "--format=%s", "--reverse"]), "first\nTitle 1\nTitle 2\nTitle 3\n");
    let done = pipe(work("4", "four.txt", "create", ",\"needs\":[\"1\",\"2\"],\"batch\":{\"number\":2,\"attempt\":1}"));
    assert_eq!(done.task("4")["landed"]["commit"], json!(git(&repo, &["rev-parse", "HEAD"]).trim()));
    assert_eq!(git(&repo, &["show", "HEAD:four.txt"]), "1\n2\nnot added yet\n");
    assert_eq!(git(&repo, &["status", "--porcelain"]), " M a.txt\n?? mine.txt\n");
    assert_eq!(std::fs::read_to_string(repo.join("a.txt")).unwrap(), "in progress\n");
    assert_eq!(git(&repo, &["branch", "--format=%(refname:short)"]), "main\n");
    assert_eq!(
        git(&repo, &["log", "-1", "--format=%(trailers:key=Task,valueonly)%(trailers:key=Plan,valueonly)"]).trim(),
        "4\ndocs/plans/p.md"
    );
}
