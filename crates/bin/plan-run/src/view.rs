//! From the board to the picture of the run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::activity;
use crate::board::{Row, Sheet};
use crate::progress::{Line, Mood, Picture, chosen, room};
use crate::summary::{clock, tokens};

/// How often the logs of agents are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A question that is open for less than this has been answered by a rule.
const ASKED: Duration = Duration::from_millis(500);

/// Makes pictures of a run.
#[derive(Debug)]
pub(crate) struct View {
    /// The stages, and whether each one asks.
    pub stages: Vec<(String, bool)>,
    /// The stage that keeps back what may not begin yet.
    pub keeper: usize,
    /// Where agents keep their logs.
    pub logs: PathBuf,
    pub began: Instant,
    /// What agents did when it was looked last.
    doing: HashMap<Box<str>, String>,
    looked: Option<Instant>,
}

impl View {
    pub fn new(stages: Vec<(String, bool)>, keeper: usize, logs: PathBuf) -> Self {
        Self { stages, keeper, logs, began: Instant::now(), doing: HashMap::new(), looked: None }
    }

    /// The picture for a screen of so many rows.
    pub fn picture(&mut self, sheet: &Sheet, rows: usize) -> Picture {
        let moods: Vec<Mood> = sheet.rows.iter().map(|row| self.mood(row)).collect();
        let (places, rest) = chosen(&moods, room(rows));
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            self.doing.clear();
            for at in places.iter().filter(|at| moods[**at] == Mood::Works) {
                let row = &sheet.rows[*at];
                let is_executor = self.stages.get(row.stage).is_some_and(|(name, _)| name.ends_with("-exec"));
                if is_executor && let Some(doing) = activity::of(&self.logs, &row.id, row.attempt) {
                    self.doing.insert(row.id.clone(), doing);
                }
            }
        }
        let tasks = places.iter().map(|at| self.line(&sheet.rows[*at], moods[*at])).collect();
        let finished = moods.iter().filter(|mood| **mood == Mood::Finished).count();
        let batch = if sheet.batch > 0 { format!(", batch {}", sheet.batch) } else { String::new() };
        let head = format!(
            "{}: {finished} of {} finished{batch}{}; {}",
            sheet.title.as_deref().filter(|title| !title.is_empty()).unwrap_or("the plan"),
            moods.len(),
            tokens(sheet),
            clock(self.began.elapsed())
        );
        Picture { head, tasks, rest }
    }

    fn mood(&self, row: &Row) -> Mood {
        if row.is_finished() {
            return Mood::Finished;
        }
        match self.stages.get(row.stage) {
            _ if row.stage == self.keeper => Mood::Waits,
            Some((_, true)) if row.since.elapsed() >= ASKED => Mood::Asks,
            Some(_) if row.stage < self.keeper => Mood::Waits,
            Some(_) => Mood::Works,
            None if row.state.result == "held" => Mood::Waits,
            None => Mood::Bad,
        }
    }

    fn line(&self, row: &Row, mood: Mood) -> Line {
        let state = match (mood, self.stages.get(row.stage)) {
            (Mood::Finished, _) => "finished".to_owned(),
            (Mood::Asks, _) => "waits for an answer".to_owned(),
            (Mood::Works, Some((name, _))) => format!("{name} {}", clock(row.since.elapsed())),
            (Mood::Bad, _) => row.state.told(),
            (_, None) => "held".to_owned(),
            _ => "waits".to_owned(),
        };
        let doing = (mood == Mood::Works).then(|| self.doing.get(&row.id).cloned()).flatten();
        Line { id: row.id.to_string(), title: row.title.to_string(), mood, state, doing }
    }
}
