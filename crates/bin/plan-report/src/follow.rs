//! The page while the run goes on.

use std::time::Duration;

use stage::{Error, Exit, Signals};

use crate::args::{Args, Format};
use crate::output::Output;
use crate::read::Reader;

/// Between two looks whether somebody wants it to end, and so many of them between two looks at the run file.
const PAUSE: Duration = Duration::from_millis(30);
const LOOKS: u32 = 10;
/// After so many seconds a page loads itself anew.
const RELOAD: u32 = 3;

/// Writes the report whenever the run file has grown, until the pipe that owns it ends. Before a pipe begins, it is waited for.
pub(crate) fn run(args: &Args, format: Format, output: &Output) -> Result<Exit, Error> {
    let plan = args.plan.as_deref().map(crate::plan::lines).transpose()?;
    let signals = Signals::listen().map_err(|error| Error::system("signals", error))?;
    let mut reader = Reader::new(&args.run);
    let mut run = reader.empty();
    let (mut is_told, mut was_owned) = (false, false);
    loop {
        let is_owned = run::is_owned(&args.run);
        let is_new = reader.read(&mut run).map_err(crate::refused)?;
        let is_over = was_owned && !is_owned;
        if is_new || is_over || !is_told || is_owned != was_owned {
            let report = crate::report(std::mem::take(&mut run), &args.run, plan.as_deref());
            let text = crate::made(args, &report, format, output, (!is_over).then_some(RELOAD));
            if is_told {
                output.write_again(&text)?;
            } else {
                output.write(&text)?;
            }
            is_told = true;
            run = report.run;
        }
        if is_over {
            return Ok(Exit::Ok);
        }
        was_owned = is_owned;
        for _ in 0..LOOKS {
            if let Some(signal) = signals.received() {
                return Ok(Exit::Stopped(signal));
            }
            std::thread::sleep(PAUSE);
        }
    }
}
