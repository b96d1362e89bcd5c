//! The rules of a policy, made ready: every condition is one bit, and a rule is two sets of bits.

use std::fmt::Write;

use record::WorkType;

use super::found::{Bits, CONDITIONS, Found};
use super::paths::{Classes, class};
use super::table::{FileClass, RuleRow, Source};
use super::words::{Where, Words, WordsBuilder};
use super::{PolicyError, Task};

/// The rules, in order; the first one that fits decides.
pub(super) struct Rules {
    in_order: Vec<Rule>,
    conditions: Vec<Condition>,
    /// The rules that a condition makes worth a look: each rule waits for one of its conditions.
    waiting: Vec<Bits>,
    /// The rules that wait for none.
    ready: Bits,
    words: Words,
}

struct Rule {
    name: String,
    work_type: WorkType,
    why: String,
    need: Bits,
    forbid: Bits,
}

#[derive(PartialEq)]
enum Condition {
    /// Fulfilled by the words of the task.
    Words(Where),
    /// Names a file of one of these classes.
    Files(Classes),
    /// Names files, and only of these classes.
    OnlyFiles(Classes),
    /// Names a file at all.
    NamesFiles,
    /// Says that it changes a file.
    Writes,
    /// One of its commands begins with one of these.
    Commands(Vec<String>),
    /// Its answer has one of these forms.
    Output(Vec<String>),
}

/// The rule that decided.
pub(super) struct Decided<'p> {
    pub name: &'p str,
    pub work_type: WorkType,
    pub why: String,
}

impl Rules {
    /// `rows` has a last one that fits every task; the check of the policy sees to that.
    pub fn compile(rows: &[RuleRow], source: &Source) -> Result<Self, PolicyError> {
        let mut building = Building::default();
        let rules: Vec<Rule> = rows.iter().map(|row| building.rule(row)).collect();
        if building.conditions.len().max(rules.len()) > CONDITIONS {
            return Err(source.whole(format!(
                "there are {} rules with {} different conditions, {CONDITIONS} are the most: join some lists",
                rules.len(),
                building.conditions.len()
            )));
        }
        let (mut waiting, mut ready) = (vec![Bits::default(); building.conditions.len()], Bits::default());
        for (number, rule) in rules.iter().enumerate() {
            match rule.need.iter().next() {
                // Words come first, and few tasks have them.
                Some(condition) => waiting[condition].insert(number),
                None => ready.insert(number),
            }
        }
        let words = building.words.build();
        Ok(Self { in_order: rules, conditions: building.conditions, waiting, ready, words })
    }

    /// The first rule that fits.
    pub fn decide(&self, task: &Task) -> Decided<'_> {
        let mut found = Found::new();
        self.words.find(&task.title, task.objective.as_deref().unwrap_or_default(), &mut found);
        self.look(task, &mut found);
        let mut worth = self.ready;
        for condition in found.all().iter() {
            worth.extend(&self.waiting[condition]);
        }
        let fits = worth.iter().map(|number| &self.in_order[number]).find(|rule| found.fits(&rule.need, &rule.forbid));
        match fits {
            Some(rule) => Decided { name: &rule.name, work_type: rule.work_type, why: self.why(rule, &found, task) },
            // The check refuses a policy without a last rule for everything.
            None => Decided { name: "default", work_type: WorkType::Implement, why: "no rule applies".into() },
        }
    }

    /// Everything but words.
    fn look(&self, task: &Task, found: &mut Found) {
        let classes = task.files().iter().fold(Classes::default(), |all, file| all.with(class(&file.path)));
        for (number, condition) in self.conditions.iter().enumerate() {
            let holds = match condition {
                Condition::Words(_) => continue,
                Condition::Files(wanted) => classes.meets(*wanted),
                Condition::OnlyFiles(wanted) => classes.stays_in(*wanted),
                Condition::NamesFiles => !task.files().is_empty(),
                Condition::Writes => task.writes(),
                Condition::Commands(wanted) => command(task, wanted).is_some(),
                Condition::Output(wanted) => {
                    task.output.as_deref().is_some_and(|output| wanted.iter().any(|wanted| wanted == output))
                }
            };
            if holds {
                found.insert(number);
            }
        }
    }

    fn why(&self, rule: &Rule, found: &Found, task: &Task) -> String {
        let mut why = String::with_capacity(80);
        why.push_str(&rule.why);
        let mut join = if why.is_empty() { "" } else { ": " };
        for number in rule.need.iter() {
            why.push_str(join);
            join = ", ";
            let phrase = || self.words.phrase(found.by(number)).trim_end_matches('*');
            // Writing to a String cannot fail.
            let _ = match &self.conditions[number] {
                Condition::Words(Where::Start) => write!(why, "the title begins with '{}'", phrase()),
                Condition::Words(Where::Title) => write!(why, "the title says '{}'", phrase()),
                Condition::Words(Where::Text) => write!(why, "the task says '{}'", phrase()),
                Condition::Files(_) | Condition::OnlyFiles(_) => write!(why, "by the kind of its files"),
                Condition::NamesFiles => write!(why, "it names files"),
                Condition::Writes => write!(why, "it changes files"),
                Condition::Commands(wanted) => {
                    write!(why, "it runs '{}'", command(task, wanted).unwrap_or_default())
                }
                Condition::Output(_) => write!(why, "its answer is '{}'", task.output.as_deref().unwrap_or_default()),
            };
        }
        if why.is_empty() {
            why.push_str("no other rule applies");
        }
        why
    }
}

/// The wanted beginning that one of the task's commands has.
fn command<'w>(task: &Task, wanted: &'w [String]) -> Option<&'w str> {
    let begins = |wanted: &str| {
        task.commands().iter().any(|command| {
            let rest = command.trim_start().strip_prefix(wanted);
            rest.is_some_and(|rest| !rest.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric))
        })
    };
    wanted.iter().map(String::as_str).find(|wanted| begins(wanted))
}

#[derive(Default)]
struct Building {
    conditions: Vec<Condition>,
    words: WordsBuilder,
}

impl Building {
    fn rule(&mut self, row: &RuleRow) -> Rule {
        let (mut need, mut forbid) = (Bits::default(), Bits::default());
        let lists = [
            (&row.starts, Where::Start, false),
            (&row.title, Where::Title, false),
            (&row.text, Where::Text, false),
            (&row.not_starts, Where::Start, true),
            (&row.not_title, Where::Title, true),
            (&row.not_text, Where::Text, true),
        ];
        for (list, place, is_forbidden) in lists {
            if list.is_empty() {
                continue;
            }
            let number = self.condition(Condition::Words(place));
            for phrase in list {
                self.words.add(phrase.as_ref(), place, number);
            }
            if is_forbidden { forbid.insert(number) } else { need.insert(number) }
        }
        let mut classes = |list: &[FileClass], make: fn(Classes) -> Condition, set: &mut Bits| {
            if !list.is_empty() {
                set.insert(self.condition(make(Classes::of(list))));
            }
        };
        classes(&row.files, Condition::Files, &mut need);
        classes(&row.only_files, Condition::OnlyFiles, &mut need);
        classes(&row.not_files, Condition::Files, &mut forbid);
        for (wanted, condition) in [(row.names_files, Condition::NamesFiles), (row.writes, Condition::Writes)] {
            let Some(wanted) = wanted else { continue };
            let number = self.condition(condition);
            if wanted { need.insert(number) } else { forbid.insert(number) }
        }
        if !row.commands.is_empty() {
            let commands = row.commands.iter().map(|command| command.as_ref().trim().to_owned()).collect();
            need.insert(self.condition(Condition::Commands(commands)));
        }
        if !row.output.is_empty() {
            need.insert(self.condition(Condition::Output(row.output.clone())));
        }
        Rule { name: row.name.as_ref().clone(), work_type: row.work_type, why: row.why.clone(), need, forbid }
    }

    fn condition(&mut self, condition: Condition) -> usize {
        // The same question is asked once for all rules; lists of words are told apart, each one has its own answer.
        let known = self.conditions.iter().position(|known| *known == condition);
        if let Some(known) = known.filter(|_| !matches!(condition, Condition::Words(_))) {
            return known;
        }
        self.conditions.push(condition);
        self.conditions.len() - 1
    }
}
