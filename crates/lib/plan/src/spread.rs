//! Work on many tasks, spread over the processors when there is enough of it to be worth a thread.

use std::num::NonZero;
use std::thread;

/// Plans below this many bytes are read faster than threads are started.
const WORTH_A_THREAD: usize = 1 << 20;

/// The results of `work` for `0..count`, in order. `bytes` is the size of the text that is worked on.
pub fn map<T: Send>(count: usize, bytes: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads =
        if bytes < WORTH_A_THREAD { 1 } else { thread::available_parallelism().map_or(1, NonZero::get).min(8) };
    if threads < 2 || count < 2 {
        return (0..count).map(work).collect();
    }
    let share = count.div_ceil(threads);
    let mut results = Vec::with_capacity(count);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .step_by(share)
            .map(|start| {
                let work = &work;
                scope.spawn(move || (start..count.min(start + share)).map(work).collect::<Vec<T>>())
            })
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn the_order_stays() {
        let expected: Vec<usize> = (0..1001).collect();
        assert_eq!(map(1001, usize::MAX, |index| index), expected);
        assert_eq!(map(1001, 0, |index| index), expected);
        assert!(map(0, usize::MAX, |index| index).is_empty());
    }
}
