//! Worker threads behind a queue that ends.
//!
//! Where all are busy a worker takes what waits and can be done in one go, up to a number of rows: under
//! load the batches grow by themselves, and at low load nobody waits for company. All else is left to the
//! next worker.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tracing::Span;

/// Something to do.
pub(crate) trait Job: Send + 'static {
    /// How much of it there is.
    fn rows(&self) -> usize;
    /// Whether both can be done in one go.
    fn goes_with(&self, other: &Self) -> bool;
    /// Does jobs in one go, and takes those that are done; what is left is run alone.
    fn together(jobs: &mut Vec<(Span, Self)>)
    where
        Self: Sized;
    /// Does it alone. A panic ends this job alone.
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
    /// Threads without a job, those included that were just woken for one.
    idle: usize,
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
            queue: Mutex::new(Queue { jobs: VecDeque::new(), idle: 0, is_closed: false }),
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

    fn run(&self, mut batch: Vec<(Span, J)>) {
        (self.observe)(batch.iter().map(|(_, job)| job.rows()).sum());
        if batch.len() > 1 {
            // Whoever panics does so again alone.
            drop(catch_unwind(AssertUnwindSafe(|| J::together(&mut batch))));
        }
        for (span, job) in batch {
            // Who waits for the answer sees that the job is gone.
            drop(span.in_scope(|| catch_unwind(AssertUnwindSafe(|| job.run()))));
        }
    }

    /// The job that waited longest and, where no thread is idle, those behind it that go with it, up to so
    /// many rows; `None` at the end.
    fn next(&self) -> Option<Vec<(Span, J)>> {
        let mut queue = self.lock();
        loop {
            if let Some(first) = queue.jobs.pop_front() {
                let mut rows = first.1.rows();
                let mut batch = vec![first];
                while let Some((_, next)) = queue.jobs.front().filter(|_| queue.idle == 0) {
                    rows += next.rows();
                    if rows > self.batch_rows || !batch[0].1.goes_with(next) {
                        break;
                    }
                    batch.extend(queue.jobs.pop_front());
                }
                return Some(batch);
            }
            if queue.is_closed {
                return None;
            }
            queue.idle += 1;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Rows of a kind; a hundred are too much.
    struct Task {
        kind: char,
        rows: usize,
        gate: Option<Receiver<()>>,
        done: Sender<Vec<usize>>,
    }

    impl Job for Task {
        fn rows(&self) -> usize {
            self.rows
        }

        fn goes_with(&self, other: &Self) -> bool {
            self.kind == other.kind
        }

        fn together(jobs: &mut Vec<(Span, Self)>) {
            let rows: Vec<usize> = jobs.iter().map(|(_, job)| job.rows).collect();
            assert!(!rows.contains(&100), "too much");
            let _ = jobs[0].1.done.send(rows);
            jobs.clear();
        }

        fn run(self) {
            if let Some(gate) = self.gate {
                let _ = gate.recv();
            }
            assert!(self.rows < 100, "too much");
            let _ = self.done.send(vec![self.rows]);
        }
    }

    /// A pool whose only worker is at work until the gate opens, and the rows of its batches.
    fn busy(done: &Sender<Vec<usize>>) -> (Pool<Task>, Sender<()>, Receiver<usize>) {
        let (batches, seen) = channel();
        let send = Mutex::new(batches);
        let sizes = Sizes { threads: 1, waiting: 4, batch_rows: 105 };
        let pool = Pool::start("test", sizes, move |rows| {
            let _ = send.lock().unwrap().send(rows);
        });
        let (open, gate) = channel();
        let pool = pool.unwrap();
        assert!(pool.submit(Task { kind: 'a', rows: 1, gate: Some(gate), done: done.clone() }));
        assert_eq!(seen.recv(), Ok(1));
        (pool, open, seen)
    }

    #[test]
    fn what_waits_and_goes_together_is_done_in_one_go_and_too_much_is_refused() {
        let (done, results) = channel();
        let (pool, open, seen) = busy(&done);
        let task = |kind, rows| Task { kind, rows, gate: None, done: done.clone() };
        let waiting = [('a', 20), ('a', 30), ('a', 60), ('b', 3)];
        assert!(waiting.into_iter().all(|(kind, rows)| pool.submit(task(kind, rows))));
        assert_eq!(pool.waiting(), 4);
        assert!(!pool.submit(task('a', 9)), "four wait already");
        open.send(()).unwrap();
        let order: Vec<Vec<usize>> = results.iter().take(4).collect();
        assert_eq!(order, [vec![1], vec![20, 30], vec![60], vec![3]]);
        assert_eq!(seen.iter().take(3).collect::<Vec<_>>(), [50, 60, 3]);
    }

    #[test]
    fn what_an_idle_worker_can_begin_at_once_is_left_to_it() {
        let (done, _results) = channel();
        let taken = |idle| {
            let task = |rows| Task { kind: 'a', rows, gate: None, done: done.clone() };
            let jobs = [20, 30].map(|rows| (Span::none(), task(rows))).into();
            let queue = Mutex::new(Queue { jobs, idle, is_closed: false });
            let (wake, observe) = (Condvar::new(), Box::new(|_| {}));
            let shared = Shared { queue, wake, most_waiting: 4, batch_rows: 105, observe };
            shared.next().map(|batch| batch.len())
        };
        assert_eq!([taken(0), taken(1)], [Some(2), Some(1)]);
    }

    #[test]
    fn a_panic_ends_one_job_alone() {
        let (done, results) = channel();
        let (pool, open, seen) = busy(&done);
        let task = |rows| Task { kind: 'a', rows, gate: None, done: done.clone() };
        assert!([100, 2, 3].into_iter().all(|rows| pool.submit(task(rows))));
        open.send(()).unwrap();
        assert_eq!(seen.recv(), Ok(105), "all three in one go");
        assert_eq!(results.iter().take(3).collect::<Vec<_>>(), [[1], [2], [3]]);
        pool.run_here(task(100));
        pool.run_here(task(8));
        assert_eq!(results.try_recv(), Ok(vec![8]), "done before anybody waits");
    }
}
