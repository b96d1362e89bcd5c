//! Where the figures come from.

use std::fmt::Write;
use std::fs;
use std::thread;

use serde_json::{Value, json};

struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    /// How many processes wanted to run, over the last minute.
    load: Option<f64>,
}

impl Machine {
    fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned()));
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            processor: processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            kernel: format!("{} {kernel}", std::env::consts::OS),
            load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()),
        }
    }
}

/// A line for the head of the report.
pub(crate) fn text() -> String {
    let Machine { cores, processor, kernel, load } = Machine::this();
    let mut text = format!("{cores} cores, {processor}, {kernel}");
    if let Some(load) = load {
        let _ = write!(text, ", load {load}");
        if load > 0.5 {
            text.push_str(": others are at work too, which spoils all figures");
        }
    }
    if cfg!(debug_assertions) {
        text.push_str("\nnot an optimised build: the figures mean nothing");
    }
    text
}

/// The same as one JSON object.
pub(crate) fn json() -> Value {
    let Machine { cores, processor, kernel, load } = Machine::this();
    let optimised = !cfg!(debug_assertions);
    json!({"type": "machine", "cores": cores, "processor": processor, "kernel": kernel, "load": load, "optimised": optimised})
}
