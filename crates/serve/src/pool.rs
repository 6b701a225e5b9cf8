//! Worker threads behind a queue that ends.
//!
//! A worker takes whatever waits, up to a number of rows, and works it off in one go: under load the
//! batches grow by themselves, and at low load nobody waits for company.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tracing::Span;

/// Something to do.
pub(crate) trait Job: Send + 'static {
    /// How much of it there is.
    fn rows(&self) -> usize;
    /// Does it. A panic ends this job alone.
    fn run(self);
}

/// A pool of threads with one queue.
pub(crate) struct Pool<J: Job> {
    shared: Arc<Shared<J>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<J> {
    queue: Mutex<Queue<J>>,
    wake: Condvar,
    most_waiting: usize,
    batch_rows: usize,
    observe: Box<dyn Fn(usize) + Send + Sync>,
}

struct Queue<J> {
    /// With the request that each is a part of, for the lines of the log.
    jobs: VecDeque<(Span, J)>,
    is_closed: bool,
}

/// Sizes of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) threads: usize,
    pub(crate) waiting: usize,
    pub(crate) batch_rows: usize,
}

impl<J: Job> Pool<J> {
    /// Starts the threads; `observe` is told the rows of every batch.
    pub(crate) fn start(
        name: &str,
        sizes: Sizes,
        observe: impl Fn(usize) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { jobs: VecDeque::new(), is_closed: false }),
            wake: Condvar::new(),
            most_waiting: sizes.waiting,
            batch_rows: sizes.batch_rows,
            observe: Box::new(observe),
        });
        let threads = (0..sizes.threads.max(1))
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new().name(name.to_owned()).spawn(move || shared.work())
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { shared, threads })
    }

    /// Queues a job; `false` where too many wait.
    pub(crate) fn submit(&self, job: J) -> bool {
        let span = Span::current();
        let mut queue = self.shared.lock();
        if queue.is_closed || queue.jobs.len() >= self.shared.most_waiting {
            return false;
        }
        queue.jobs.push_back((span, job));
        drop(queue);
        self.shared.wake.notify_one();
        true
    }

    /// Does a job at once, on the calling thread.
    pub(crate) fn run_here(&self, job: J) {
        self.shared.run(vec![(Span::none(), job)]);
    }

    /// Jobs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.lock().jobs.len()
    }
}

impl<J: Job> Drop for Pool<J> {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.wake.notify_all();
        // A thread that hangs in storage must not hold up the end of the process.
        for thread in self.threads.drain(..).filter(JoinHandle::is_finished) {
            drop(thread.join());
        }
    }
}

impl<J: Job> Shared<J> {
    /// A panic happens outside of the lock, so a poisoned queue is whole all the same.
    fn lock(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(batch) = self.next() {
            self.run(batch);
        }
    }

    fn run(&self, batch: Vec<(Span, J)>) {
        (self.observe)(batch.iter().map(|(_, job)| job.rows()).sum());
        for (span, job) in batch {
            // Who waits for the answer sees that the job is gone.
            drop(span.in_scope(|| catch_unwind(AssertUnwindSafe(|| job.run()))));
        }
    }

    /// What waits, at least one job and then up to so many rows; `None` at the end.
    fn next(&self) -> Option<Vec<(Span, J)>> {
        let mut queue = self.lock();
        loop {
            if let Some(first) = queue.jobs.pop_front() {
                let mut rows = first.1.rows();
                let mut batch = vec![first];
                while let Some((_, next)) = queue.jobs.front() {
                    rows += next.rows();
                    if rows > self.batch_rows {
                        break;
                    }
                    batch.extend(queue.jobs.pop_front());
                }
                return Some(batch);
            }
            if queue.is_closed {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    struct Task {
        rows: usize,
        gate: Option<Receiver<()>>,
        done: Sender<usize>,
    }

    impl Job for Task {
        fn rows(&self) -> usize {
            self.rows
        }

        fn run(self) {
            if let Some(gate) = self.gate {
                let _ = gate.recv();
            }
            assert!(self.rows < 100, "too much");
            let _ = self.done.send(self.rows);
        }
    }

    const SIZES: Sizes = Sizes { threads: 1, waiting: 3, batch_rows: 5 };

    #[test]
    fn what_waits_is_taken_together_and_too_much_is_refused() {
        let (batches, seen) = channel();
        let send = Mutex::new(batches);
        let pool = Pool::start("test", SIZES, move |rows| {
            let _ = send.lock().unwrap().send(rows);
        })
        .unwrap();
        let (done, results) = channel();
        let (open, gate) = channel();
        let task = |rows, gate| Task { rows, gate, done: done.clone() };
        assert!(pool.submit(task(1, Some(gate))));
        assert_eq!(seen.recv(), Ok(1));
        assert!([2, 3, 4].into_iter().all(|rows| pool.submit(task(rows, None))));
        assert!(!pool.submit(task(9, None)), "three wait already");
        open.send(()).unwrap();
        let order: Vec<usize> = results.iter().take(4).collect();
        assert_eq!(order, [1, 2, 3, 4]);
        assert_eq!((seen.recv(), seen.recv()), (Ok(5), Ok(4)));
    }

    #[test]
    fn a_panic_ends_one_job_alone() {
        let pool = Pool::start("test", SIZES, |_| {}).unwrap();
        let (done, results) = channel();
        let task = |rows| Task { rows, gate: None, done: done.clone() };
        assert!(pool.submit(task(100)) && pool.submit(task(7)));
        assert_eq!(results.recv(), Ok(7));
        pool.run_here(task(100));
        pool.run_here(task(8));
        assert_eq!(results.try_recv(), Ok(8), "done before anybody waits");
    }
}
