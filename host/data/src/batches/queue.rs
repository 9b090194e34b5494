//! Work done ahead on background threads, handed out in order.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Results of numbered pieces of work, in order. Dropping it ends its threads.
#[derive(Debug)]
pub(super) struct Ahead<T> {
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    /// Something was taken, so there is room for more.
    room: Condvar,
    /// Something was done.
    done: Condvar,
    /// How many results may be under way or wait.
    ahead: usize,
    end: usize,
}

#[derive(Debug)]
struct State<T> {
    /// The next piece that no thread has begun.
    begin: usize,
    /// The next piece to hand out.
    next: usize,
    /// What is done and not handed out; a text is that of a panic.
    results: BTreeMap<usize, Result<T, String>>,
    stop: bool,
}

impl<T: Send + 'static> Ahead<T> {
    /// Starts `work` on the numbers of `range`. Each thread has a `W` of its own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn new<W: Default>(
        range: Range<usize>,
        threads: usize,
        ahead: usize,
        work: impl Fn(usize, &mut W) -> T + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let state = State { begin: range.start, next: range.start, results: BTreeMap::new(), stop: false };
        let shared = Shared {
            state: Mutex::new(state),
            room: Condvar::new(),
            done: Condvar::new(),
            ahead: ahead.max(1),
            end: range.end,
        };
        let mut queue = Self { shared: Arc::new(shared), threads: Vec::new() };
        let work = Arc::new(work);
        for _ in 0..threads.min(range.len()) {
            let (shared, work) = (queue.shared.clone(), work.clone());
            let thread = Builder::new().name("cbp-data".into());
            queue.threads.push(thread.spawn(move || shared.run(&*work))?);
        }
        Ok(queue)
    }

    /// The next result, as soon as it is there; `None` after the last. An error is the text of a panic.
    pub(super) fn next(&mut self) -> Option<Result<T, String>> {
        let mut state = self.shared.lock();
        let next = state.next;
        if next >= self.shared.end {
            return None;
        }
        let result = loop {
            match state.results.remove(&next) {
                Some(result) => break result,
                None => state = wait(&self.shared.done, state),
            }
        };
        state.next += 1;
        drop(state);
        self.shared.room.notify_one();
        Some(result)
    }
}

impl<T> Ahead<T> {
    /// Results not handed out yet.
    pub(super) fn left(&self) -> usize {
        self.shared.end.saturating_sub(self.shared.lock().next)
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.room.notify_all();
        for thread in self.threads.drain(..) {
            // A thread catches the panics of its work, so there is nothing to hear from it.
            let _ = thread.join();
        }
    }
}

impl<T> Shared<T> {
    /// Nothing panics while it holds the lock, so what is behind a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<W: Default>(&self, work: &impl Fn(usize, &mut W) -> T) {
        let mut own = W::default();
        while let Some(number) = self.begin() {
            let result = catch_unwind(AssertUnwindSafe(|| work(number, &mut own)));
            let result = result.map_err(|panic| {
                own = W::default();
                text(&*panic)
            });
            self.lock().results.insert(number, result);
            self.done.notify_all();
        }
    }

    /// The number to work on; waits until there is room for its result.
    fn begin(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stop || state.begin >= self.end {
                return None;
            }
            if state.begin < state.next + self.ahead {
                state.begin += 1;
                return Some(state.begin - 1);
            }
            state = wait(&self.room, state);
        }
    }
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_though_work_takes_its_time() {
        for (threads, ahead) in [(1, 1), (3, 1), (3, 2), (4, 8)] {
            let work = |number: usize, (): &mut ()| {
                std::thread::sleep(Duration::from_micros((number * 7919 % 5 * 100) as u64));
                number * number
            };
            let mut queue = Ahead::new(5..40, threads, ahead, work).unwrap();
            for number in 5..40 {
                assert_eq!(queue.left(), 40 - number);
                assert_eq!(queue.next(), Some(Ok(number * number)));
            }
            assert_eq!((queue.next(), queue.left()), (None, 0));
        }
        assert_eq!(Ahead::new(3..3, 2, 2, |_, (): &mut ()| 1).unwrap().next(), None);
    }

    #[test]
    fn no_more_is_begun_than_there_is_room_for() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counter = begun.clone();
        let work = move |_: usize, (): &mut ()| counter.fetch_add(1, Ordering::SeqCst);
        let mut queue = Ahead::new(0..100, 4, 3, work).unwrap();
        for taken in 1..20 {
            queue.next();
            std::thread::sleep(Duration::from_millis(1));
            assert!(begun.load(Ordering::SeqCst) <= taken + 3);
        }
        drop(queue);
        assert!(begun.load(Ordering::SeqCst) <= 22);
        // The threads are gone, and what they held with them.
        assert_eq!(Arc::strong_count(&begun), 1);
    }

    #[test]
    fn a_panic_is_a_result_and_the_rest_goes_on() {
        let work = |number: usize, runs: &mut usize| {
            *runs += 1;
            assert!(number != 2, "piece {number}, on purpose");
            *runs
        };
        let mut queue = Ahead::new(0..5, 1, 2, work).unwrap();
        let results: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        // What the thread had of its own begins anew.
        assert_eq!(results, [Ok(1), Ok(2), Err("piece 2, on purpose".into()), Ok(1), Ok(2)]);
    }
}
