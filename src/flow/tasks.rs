//! Where the exchange's tasks run.
//!
//! Every task of an exchange is spawned here and nowhere else, so that the simulator can put a node
//! around each of them: one that freezes in the middle, or dies between any two steps.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// What stands around every task.
pub type Around = Arc<dyn Fn(BoxFuture<'static, ()>) -> BoxFuture<'static, ()> + Send + Sync>;

/// A runtime for tasks.
#[derive(Clone)]
pub struct Tasks {
    runtime: Handle,
    around: Option<Around>,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tasks").field("is_bare", &self.around.is_none()).finish_non_exhaustive()
    }
}

impl From<Handle> for Tasks {
    /// Tasks run on `runtime` as they are.
    fn from(runtime: Handle) -> Self {
        Self { runtime, around: None }
    }
}

impl Tasks {
    /// Tasks run on `runtime`, each within what `around` makes of it.
    #[must_use]
    pub const fn within(runtime: Handle, around: Around) -> Self {
        Self { runtime, around: Some(around) }
    }

    /// Runs `task`, counted by `tracker`.
    pub(super) fn spawn(
        &self,
        tracker: &TaskTracker,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        match &self.around {
            None => tracker.spawn_on(task, &self.runtime),
            Some(around) => tracker.spawn_on(around(Box::pin(task)), &self.runtime),
        };
    }
}
