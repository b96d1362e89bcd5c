//! Telling running children to end.

use tokio::sync::watch;

/// Ends every child that was given one of its [`Stop`]s.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// What a running child listens to.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// A stopper and what it stops.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Ends the children. Once said it stays said.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns once the stopper has been used.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|stopped| *stopped).await.is_err() {
            // The stopper is gone without having been used, so nobody will ever stop us.
            std::future::pending::<()>().await;
        }
    }
}
