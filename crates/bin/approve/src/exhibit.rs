//! What a person is shown of a task or of a plan.

use std::collections::BTreeMap;
use std::io;

use change::Change;
use policy::routing::Target;
use record::{Baseline, Gate};

use crate::interrupted::Interrupted;
use crate::page::{News, Page};
use crate::sheet::{Attempt, Check, Finding, Outcome, Sheet, Usage};

/// What a plan says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heading {
    pub title: String,
    pub path: String,
    pub goal: String,
}

const MANY: usize = 12;
/// So many lines of a failed check are shown unasked.
const FEW: usize = 8;

/// A task at gate `result`.
pub(crate) fn result(page: &mut Page, sheet: &Sheet, change: &Change) {
    page.head(&format!("task {}", sheet.id), title(sheet));
    objective(page, sheet);
    if sheet.is_manual() && sheet.verdict.is_none() {
        manual(page, sheet);
        return;
    }
    route(page, sheet);
    if let Some(result) = &sheet.result {
        page.field("sandbox", result.sandbox().unwrap_or("not reported by the agent"));
        if let Some(failed) = result.attempts.iter().flatten().last().and_then(|last| last.failed_actions) {
            page.field("trouble", &format!("{failed} commands or patches of the agent failed or were refused"));
        }
    }
    tampering(page, sheet);
    verdict(page, sheet);
    if let Some(result) = &sheet.result {
        changed(page, result, change);
        options(page, sheet);
        page.field("answer", first_line(result.message.as_deref()));
        tokens(page, result.usage.as_ref());
    }
    attempt(page, sheet);
}

/// A task at gate `fallback`.
pub(crate) fn fallback(page: &mut Page, sheet: &Sheet, change: &Change, target: &Target) {
    page.head(&format!("task {} failed", sheet.id), title(sheet));
    objective(page, sheet);
    route(page, sheet);
    if let Some(result) = &sheet.result {
        let by =
            [result.backend.as_deref(), result.model.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        page.field("cause", &format!("{} on {by}", result.class.as_deref().unwrap_or("not known")));
        page.field("evidence", result.evidence.as_deref().unwrap_or_default());
        if let Some(limit) = &result.rate_limit {
            let left = limit.remaining_percent.map(|percent| format!("{percent}% left")).unwrap_or_default();
            let reset = limit.resets_at.as_deref().filter(|at| !is_past(at));
            let reset = reset.map(|at| format!(" until {at}")).unwrap_or_default();
            page.field("limit", &format!("{left}{reset}"));
        }
        changed(page, result, change);
        page.field("answer", first_line(result.message.as_deref()));
        tokens(page, result.usage.as_ref());
    }
    attempt(page, sheet);
    let own = sheet.route.as_ref().and_then(|route| route.rank);
    let cost = match (target.rank, own) {
        (Some(new), Some(old)) => format!("rank {new} instead of {old}"),
        (Some(new), None) => format!("rank {new}"),
        (None, _) => "cost not known".into(),
    };
    page.field(
        "fallback",
        &format!("{} with {}: {cost}, on your {} quota", target.backend, target.model, target.backend),
    );
}

/// A task at gate `plan` that was begun and never came out; `tree` is what differs from the last commit now.
pub(crate) fn interrupted(
    page: &mut Page,
    sheet: &Sheet,
    begun: &Interrupted,
    tree: io::Result<Vec<(String, String)>>,
) {
    page.head(&format!("task {} was interrupted", sheet.id), title(sheet));
    objective(page, sheet);
    route(page, sheet);
    let since = ago(&begun.at).map(|ago| format!(" ({ago} ago)")).unwrap_or_default();
    page.field("begun", &format!("at {}{since}, attempt {}, and it never came out", begun.at, begun.attempt));
    page.field("where", "in this tree, so half of the work may be there");
    page.field("sandbox", begun.sandbox.as_deref().unwrap_or("not known"));
    let declared: Vec<_> = sheet.written().map(|file| file.path.as_str()).collect();
    page.field("writes", if declared.is_empty() { "it names no file" } else { "" });
    page.field("writes", &declared.join(", "));
    match tree {
        Err(error) => page.field("tree", &format!("git cannot tell what has changed: {error}")),
        Ok(changed) if changed.is_empty() => page.field("tree", "as in the last commit"),
        Ok(changed) => {
            let count =
                if changed.len() == 1 { "1 file differs".into() } else { format!("{} files differ", changed.len()) };
            page.field("tree", &format!("{count} from the last commit, whoever has changed it:"));
            let is_declared = |path: &str| declared.iter().any(|own| path == own.trim_start_matches("./"));
            // Its own files first: they are what was asked about.
            let (own, other): (Vec<_>, Vec<_>) = changed.iter().partition(|(_, path)| is_declared(path));
            let own = own.into_iter().map(|(letters, path)| format!("{letters} {path} (named by the task)"));
            let other = other.into_iter().map(|(letters, path)| format!("{letters} {path}"));
            page.list(&own.chain(other).collect::<Vec<_>>(), MANY, ": v shows all of it");
        }
    }
}

/// How long ago a moment was, in the largest unit that fits.
fn ago(at: &str) -> Option<String> {
    let seconds = jiff::Timestamp::now().duration_since(at.parse().ok()?).as_secs();
    Some(match seconds {
        ..0 => return None,
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    })
}

/// A whole plan at gate `plan`; `most` tasks of it.
pub(crate) fn plan(page: &mut Page, heading: &Heading, sheets: &[&Sheet], most: usize) {
    page.head("plan", if heading.title.is_empty() { &heading.path } else { &heading.title });
    page.field("file", &heading.path);
    page.field("goal", &heading.goal);
    let mut costs = BTreeMap::<_, usize>::new();
    for sheet in sheets {
        let rank = sheet.route.as_ref().and_then(|route| route.rank);
        *costs.entry((rank, sheet.planned_backend().unwrap_or("no backend"))).or_default() += 1;
    }
    let costs: Vec<_> = costs
        .iter()
        .map(|((rank, backend), count)| {
            let rank = rank.map_or_else(|| "not known".into(), |rank| rank.to_string());
            format!("{count} × {backend} (rank {rank})")
        })
        .collect();
    page.field("tasks", &format!("{}: {}", sheets.len(), costs.join(", ")));
    for sheet in sheets.iter().take(most) {
        let ticked = if sheet.checked == Some(true) { " (ticked off)" } else { "" };
        page.field(&format!("  {}", sheet.id), &format!(" {}{ticked}", title(sheet)));
        page.entry(&planned(sheet));
        let needs = sheet.needs.as_deref().unwrap_or_default();
        if !needs.is_empty() {
            page.entry(&format!("after {}", needs.join(", ")));
        }
        let writes: Vec<_> = sheet.written().map(|file| file.path.as_str()).collect();
        if !writes.is_empty() {
            page.entry(&format!("writes {}", writes.join(", ")));
        }
        let commands: Vec<_> = sheet.checks_to_come().map(|command| format!("verify runs: {command}")).collect();
        page.list(&commands, FEW, ": v shows them");
    }
    // With none of them it is the heading of the whole plan.
    if most > 0 && sheets.len() > most {
        page.entry(&format!("… and {} more tasks: v shows them", sheets.len() - most));
    }
}

/// All of a plan, with every command and the text of every task.
pub(crate) fn whole_plan(page: &mut Page, heading: &Heading, sheets: &[&Sheet], most: usize) {
    plan(page, heading, sheets, 0);
    for sheet in sheets {
        page.head(&format!("task {}", sheet.id), title(sheet));
        page.entry(&planned(sheet));
        for command in sheet.checks_to_come() {
            page.entry(&format!("verify runs: {command}"));
        }
        page.quote(sheet.body.as_deref().unwrap_or_default(), most, ": set PAGER to see them");
    }
}

/// Everything the agent said.
pub(crate) fn message(page: &mut Page, sheet: &Sheet, most: usize) {
    let hint = ": set PAGER to see them";
    let Some(result) = &sheet.result else { return page.plain("no agent has answered") };
    if let Some(message) = result.message.as_deref().filter(|message| !message.trim().is_empty()) {
        page.quote(message, most, hint);
    } else if result.options.iter().flatten().next().is_none() {
        page.plain("the agent said nothing");
    }
    for (number, option) in (1..).zip(result.options.iter().flatten()) {
        page.head(&format!("answer {number}"), option.model.as_deref().unwrap_or("model not known"));
        match (option.message.as_deref(), option.class.as_deref()) {
            (Some(message), _) => page.quote(message, most, hint),
            (None, class) => page.plain(&format!("no answer: {}", class.unwrap_or("cause not known"))),
        }
    }
}

/// What the checks printed, and where the logs are.
pub(crate) fn output(page: &mut Page, sheet: &Sheet, most: usize) {
    let checks = sheet.verdict.as_ref().and_then(|verdict| verdict.checks.as_deref()).unwrap_or_default();
    for check in checks {
        page.head(check.status.as_deref().unwrap_or("check"), check.name.as_deref().unwrap_or("no name"));
        for finding in check.findings.iter().flatten() {
            page.plain(&finding.told());
        }
        page.quote(check.tail.as_deref().unwrap_or_default(), most, "");
        page.field("log", check.log.as_deref().unwrap_or_default());
    }
    let attempts = sheet.result.as_ref().and_then(|result| result.attempts.as_deref()).unwrap_or_default();
    for log in attempts.iter().filter_map(|attempt: &Attempt| attempt.log.as_deref()) {
        page.field("agent log", log);
    }
    if checks.is_empty() {
        page.plain("no check has printed anything");
    }
}

fn title(sheet: &Sheet) -> &str {
    sheet.title.as_deref().unwrap_or("(no title)")
}

fn objective(page: &mut Page, sheet: &Sheet) {
    if sheet.objective != sheet.title {
        page.field("objective", sheet.objective.as_deref().unwrap_or_default());
    }
}

fn manual(page: &mut Page, sheet: &Sheet) {
    page.field("to do", "this is for you to do; your word is the result");
    page.quote(sheet.body.as_deref().unwrap_or_default(), 40, "");
    let needs = sheet.needs.as_deref().unwrap_or_default();
    page.field("after", &needs.join(", "));
    for done in sheet.done.iter().flatten().filter_map(|done| done.text.as_deref()) {
        page.entry(&format!("done when: {done}"));
    }
}

fn planned(sheet: &Sheet) -> String {
    let mut parts = vec![sheet.planned_backend().unwrap_or("no backend yet").to_owned()];
    if let Some(route) = &sheet.route {
        parts.extend(route.models.clone().unwrap_or_default());
        parts.extend(route.effort.clone());
        parts.push(route.sandbox.clone().unwrap_or_else(|| "no sandbox".into()));
        parts.extend(route.rank.map(|rank| format!("rank {rank}")));
    }
    parts.join(", ")
}

fn route(page: &mut Page, sheet: &Sheet) {
    let Some(route) = &sheet.route else { return };
    let why = route.why.as_deref().or(route.rule.as_deref()).map(|why| format!(" ({why})")).unwrap_or_default();
    page.field("route", &format!("{}{why}", planned(sheet)));
}

fn tampering(page: &mut Page, sheet: &Sheet) {
    for what in sheet.result.iter().flat_map(|result| result.tampering.iter().flatten()) {
        page.news(News::Bad, &format!("the agent has meddled with git: {what}"));
    }
}

fn verdict(page: &mut Page, sheet: &Sheet) {
    let Some(verdict) = &sheet.verdict else { return };
    let checks = verdict.checks.as_deref().unwrap_or_default();
    let of = |status: Status| checks.iter().filter(|check| Status::of(check) == status).collect::<Vec<_>>();
    let (good, words, bad) = (of(Status::Passed), of(Status::InWords), of(Status::Failed));
    page.field("verdict", &format!("{}: {}", verdict.status, counted(good.len(), bad.len(), words.len())));
    // What failed comes first, and is never left out.
    for check in bad {
        page.news(News::Bad, &told(check));
        findings(page, check);
        page.tail(check.tail.as_deref().unwrap_or_default(), FEW);
    }
    for check in words {
        page.news(News::Open, &told(check));
    }
    // Neither is what passed with something to say about it.
    let (doubtful, good): (Vec<_>, Vec<_>) = good.into_iter().partition(|check| has_a_mark(check));
    for check in doubtful {
        page.news(News::Open, &told(check));
        findings(page, check);
    }
    for check in good.iter().take(MANY) {
        page.news(News::Good, &told(check));
    }
    if good.len() > MANY {
        page.entry(&format!("… and {} more that passed", good.len() - MANY));
    }
}

fn has_a_mark(check: &Check) -> bool {
    check.baseline().is_some() || check.findings.iter().flatten().next().is_some()
}

/// What a check has found, the worst first.
fn findings(page: &mut Page, check: &Check) {
    let rank = |finding: &&Finding| match finding.severity.as_deref() {
        Some("error") => 0,
        Some("note") => 2,
        _ => 1,
    };
    let mut all: Vec<_> = check.findings.iter().flatten().collect();
    all.sort_by_key(rank);
    for finding in all.iter().take(MANY) {
        page.news(if rank(finding) == 0 { News::Bad } else { News::Open }, &format!("  {}", finding.told()));
    }
    if all.len() > MANY {
        page.entry(&format!("  … and {} more findings: o shows them", all.len() - MANY));
    }
}

/// How a check has come out, as a person sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Status {
    Passed,
    /// Nothing could be run for it: it is a criterion in words.
    InWords,
    Failed,
}

impl Status {
    fn of(check: &Check) -> Self {
        match check.status.as_deref() {
            Some("pass") => Self::Passed,
            Some("skipped") => Self::InWords,
            _ => Self::Failed,
        }
    }
}

fn counted(good: usize, bad: usize, words: usize) -> String {
    let checks = match (good, bad) {
        (0, 0) => "no check was run".to_owned(),
        (1, 0) => "1 check passed".to_owned(),
        (good, 0) => format!("{good} checks passed"),
        (good, bad) => format!("{good} of {} checks passed", good + bad),
    };
    match words {
        0 => checks,
        1 => format!("{checks}, 1 criterion that nobody can run"),
        words => format!("{checks}, {words} criteria that nobody can run"),
    }
}

fn told(check: &Check) -> String {
    let what = [check.status.as_deref().unwrap_or("unknown"), check.kind.as_deref().unwrap_or_default()];
    let exit = check.exit.filter(|exit| *exit != 0).map(|exit| format!(", exit {exit}")).unwrap_or_default();
    let time = check.seconds.map(|seconds| format!(", {seconds:.1} s")).unwrap_or_default();
    let mark = match check.baseline() {
        Some(Baseline::AlreadyFailing) => " [already_failing: it failed before the work too]",
        Some(Baseline::CannotFail) => " [cannot_fail: it passed before the work too, so it shows nothing]",
        Some(Baseline::Flaky) => " [flaky: it comes out differently on the same files]",
        None => "",
    };
    let name = check.name.as_deref().unwrap_or("no name");
    // `scope`, `tamper` and `review` are called what they are.
    let name = if check.kind.as_deref() == Some(name) { String::new() } else { format!(" {name}") };
    format!("{}{name}{exit}{time}{mark}", what.join(" "))
}

fn changed(page: &mut Page, result: &Outcome, change: &Change) {
    match result.changed.as_deref() {
        None => page.field("changed", "git could not tell"),
        Some([]) => page.field("changed", "nothing"),
        Some(paths) => {
            let count = if paths.len() == 1 { "1 file".into() } else { format!("{} files", paths.len()) };
            page.field("changed", &count);
            page.list(paths, MANY, ": v shows the diff");
        }
    }
    if let Change::Unreadable(why) = change {
        page.news(News::Bad, &format!("the change cannot be shown, so it cannot be approved: {why}"));
    }
}

fn options(page: &mut Page, sheet: &Sheet) {
    for (number, option) in (1..).zip(sheet.options()) {
        let model = option.model.as_deref().unwrap_or("model not known");
        page.entry(&format!("answer {number}: {model}: {}", first_line(option.message.as_deref())));
    }
}

fn tokens(page: &mut Page, usage: Option<&Usage>) {
    let Some(usage) = usage else { return page.field("tokens", "not known") };
    let part = |name: &str, count: Option<u64>| count.map(|count| format!("{name} {count}"));
    let parts = [
        part("input", usage.input),
        part("cached", usage.cached_input),
        part("output", usage.output),
        part("reasoning", usage.reasoning),
        part("total", usage.total),
    ];
    page.field("tokens", &parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
}

fn attempt(page: &mut Page, sheet: &Sheet) {
    let Some(batch) = &sheet.batch else { return };
    if let Some(number) = batch.attempt.filter(|number| *number > 1) {
        let why = first_line(batch.feedback.as_deref());
        let why = if why.is_empty() { String::new() } else { format!(", because: {why}") };
        page.field("attempt", &format!("{number}{why}"));
    }
}

fn first_line(text: Option<&str>) -> &str {
    text.unwrap_or_default().trim().lines().next().unwrap_or_default()
}

fn is_past(at: &str) -> bool {
    at.parse::<jiff::Timestamp>().is_ok_and(|at| at < jiff::Timestamp::now())
}

/// The question itself, with the letters that answer it.
pub(crate) fn prompt(gate: Gate, sheet: Option<&Sheet>, count: usize, target: &Target) -> String {
    let question = match (gate, sheet) {
        (Gate::Plan, Some(sheet)) => format!("task {}: begin it again? [a d v q ?] ", sheet.id),
        (Gate::Plan, _) => {
            let tasks = if count == 1 { "1 task".into() } else { format!("{count} tasks") };
            format!("approve this plan ({tasks})? [a d v q ?] ")
        }
        (Gate::Fallback, Some(sheet)) => {
            format!("task {}: let {} do it? [a d r v m o q ?] ", sheet.id, target.backend)
        }
        (_, Some(sheet)) if sheet.is_manual() && sheet.verdict.is_none() => {
            format!("task {}: is it done? [a d r q ?] ", sheet.id)
        }
        (_, Some(sheet)) if !sheet.options().is_empty() => {
            let numbers: Vec<_> = (1..=sheet.options().len()).map(|number| number.to_string()).collect();
            format!("task {}: which answer? [{} d r m o q ?] ", sheet.id, numbers.join(" "))
        }
        (_, Some(sheet)) => format!("task {}: approve this result? [a d r v m o q ?] ", sheet.id),
        (_, None) => "approve? [a d q ?] ".into(),
    };
    stage::Shown(question).to_string()
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn criteria_in_words_do_not_look_like_failures() {
        assert_eq!(counted(1, 0, 1), "1 check passed, 1 criterion that nobody can run");
        assert_eq!(counted(2, 0, 2), "2 checks passed, 2 criteria that nobody can run");
        assert_eq!(counted(1, 1, 0), "1 of 2 checks passed");
        assert_eq!(counted(0, 0, 1), "no check was run, 1 criterion that nobody can run");
    }
}
