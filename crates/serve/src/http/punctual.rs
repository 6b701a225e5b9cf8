//! Bodies of gRPC that must be there in time: the codec would wait for a slow client for ever.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// A body with a deadline.
pub(super) struct Punctual {
    body: Incoming,
    patience: Duration,
    until: Instant,
    /// Made for bodies that have to be waited for.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Punctual {
    pub(super) fn new(body: Incoming, patience: Duration) -> Self {
        Self { body, patience, until: Instant::now() + patience, alarm: None }
    }
}

impl Body for Punctual {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let until = this.until;
        let alarm = this.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(alarm.as_mut().poll(context));
        let seconds = this.patience.as_secs_f64();
        let text = format!("the request took longer than {seconds} s");
        Poll::Ready(Some(Err(tonic::Status::deadline_exceeded(text).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
