//! A figure: what was measured, beside what, and whether that is good enough.

use std::error::Error;
use std::fmt;

use serde_json::{Value, json};

/// The middle of several measurements, and how far they lie apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let nothing = f64::NAN;
        let middle = match values.len() {
            0 => nothing,
            count if count % 2 == 1 => values[count / 2],
            count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
        };
        Self {
            median: middle,
            min: values.first().copied().unwrap_or(nothing),
            max: values.last().copied().unwrap_or(nothing),
        }
    }

    /// Round by round, `over` by `under`.
    pub(crate) fn of_ratios(over: &[f64], under: &[f64]) -> Self {
        Self::of(over.iter().zip(under).map(|(over, under)| over / under))
    }
}

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing is asked for; it is good to know.
    None,
}

/// One line of the report.
#[derive(Debug)]
pub(crate) struct Figure {
    name: String,
    /// What is compared with the target.
    value: Option<Spread>,
    unit: &'static str,
    target: Target,
    /// The measurements behind it, in words.
    ours: String,
    peer: String,
    /// Why there is no value.
    missing: Option<String>,
}

impl Figure {
    /// A figure whose value is a ratio.
    pub(crate) fn ratio(name: impl Into<String>, value: Spread, target: Target) -> Self {
        Self::absolute(name, value, "x", target)
    }

    /// A figure with a unit.
    pub(crate) fn absolute(name: impl Into<String>, value: Spread, unit: &'static str, target: Target) -> Self {
        let (ours, peer) = (String::new(), String::new());
        Self { name: name.into(), value: Some(value), unit, target, ours, peer, missing: None }
    }

    /// A figure that could not be measured: it counts as missed.
    pub(crate) fn not_measured(name: impl Into<String>, why: &dyn Error) -> Self {
        let (ours, peer) = (String::new(), String::new());
        Self {
            name: name.into(),
            value: None,
            unit: "",
            target: Target::None,
            ours,
            peer,
            missing: Some(why.to_string()),
        }
    }

    /// What we have measured of our own tool.
    pub(crate) fn ours(mut self, told: impl Into<String>) -> Self {
        self.ours = told.into();
        self
    }

    /// What we have measured of the other one.
    pub(crate) fn peer(mut self, told: impl Into<String>) -> Self {
        self.peer = told.into();
        self
    }

    /// Whether it meets its target; `None` where there is none.
    pub(crate) fn is_met(&self) -> Option<bool> {
        let Some(Spread { median, .. }) = self.value else { return Some(false) };
        match self.target {
            Target::AtMost(most) => Some(median <= most),
            Target::AtLeast(least) => Some(median >= least),
            Target::None => None,
        }
    }

    /// The figure as one JSON object.
    pub(crate) fn json(&self) -> Value {
        let mut object = json!({"type": "figure", "name": self.name});
        match (self.value, &self.missing) {
            (Some(Spread { median, min, max }), _) => {
                object["value"] = json!({"median": median, "min": min, "max": max, "unit": self.unit});
            }
            (None, why) => object["not_measured"] = json!(why),
        }
        match self.target {
            Target::AtMost(most) => object["target"] = json!({"at_most": most}),
            Target::AtLeast(least) => object["target"] = json!({"at_least": least}),
            Target::None => {}
        }
        if let Some(met) = self.is_met() {
            object["met"] = json!(met);
        }
        for (key, told) in [("ours", &self.ours), ("peer", &self.peer)] {
            if !told.is_empty() {
                object[key] = json!(told);
            }
        }
        object
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:<34}", self.name)?;
        let Some(Spread { median, min, max }) = self.value else {
            return write!(f, " not measured: {}", self.missing.as_deref().unwrap_or("no value"));
        };
        let unit = self.unit;
        let gap = if unit == "x" { "" } else { " " };
        write!(f, " {:>9}{gap}{unit:<8}", short(median))?;
        write!(f, " {:<17}", format!("({}..{})", short(min), short(max)))?;
        let (target, verdict) = match self.target {
            Target::AtMost(most) => (format!("at most {most}"), self.is_met()),
            Target::AtLeast(least) => (format!("at least {least}"), self.is_met()),
            Target::None => (String::new(), None),
        };
        let verdict = match verdict {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        write!(f, " {target:<12} {verdict:<6}  {}", self.ours)?;
        if self.peer.is_empty() { Ok(()) } else { write!(f, " | {}", self.peer) }
    }
}

/// With as many digits as anybody looks at.
fn short(value: f64) -> String {
    match value.abs() {
        1000.0.. => format!("{value:.0}"),
        100.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Seconds, for people.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.2} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

/// A speed, for people.
pub(crate) fn speed(bytes: u64, seconds: f64) -> String {
    format!("{:.1} MB/s", bytes as f64 / seconds / 1e6)
}
