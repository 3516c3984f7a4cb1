//! A node as a place: every task of it may be frozen, or dropped between any two of its steps.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::BoxFuture;

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Running,
    Frozen,
    Dead,
}

struct Inside {
    life: Life,
    next_task: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// One life of a node, from a start to its end.
pub struct Cell {
    inside: Mutex<Inside>,
}

impl Cell {
    pub fn new() -> Arc<Self> {
        let inside = Inside { life: Life::Running, next_task: 0, wakers: BTreeMap::new() };
        Arc::new(Self { inside: Mutex::new(inside) })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn life(&self) -> Life {
        self.inside().life
    }

    /// Moves the node; nothing brings a dead one back. Tells whether anything changed.
    pub fn set(&self, life: Life) -> bool {
        let wakers = {
            let mut inside = self.inside();
            if inside.life == Life::Dead || inside.life == life {
                return false;
            }
            inside.life = life;
            inside.wakers.clone()
        };
        if life != Life::Frozen {
            wakers.into_values().for_each(Waker::wake);
        }
        true
    }

    /// A task as this node runs it.
    pub fn hold(self: &Arc<Self>, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        let number = {
            let mut inside = self.inside();
            inside.next_task += 1;
            inside.next_task
        };
        Box::pin(Task { cell: Arc::clone(self), number, task: Some(task) })
    }
}

struct Task {
    cell: Arc<Cell>,
    number: u64,
    task: Option<BoxFuture<'static, ()>>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        {
            let mut inside = self.cell.inside();
            match inside.life {
                Life::Dead => {
                    inside.wakers.remove(&self.number);
                }
                Life::Running | Life::Frozen => {
                    let known = inside.wakers.get(&self.number);
                    if !known.is_some_and(|known| known.will_wake(context.waker())) {
                        inside.wakers.insert(self.number, context.waker().clone());
                    }
                }
            }
            if inside.life == Life::Frozen {
                return Poll::Pending;
            }
        }
        if self.cell.life() == Life::Dead {
            self.task = None;
            return Poll::Ready(());
        }
        let Some(task) = &mut self.task else { return Poll::Ready(()) };
        let polled = task.as_mut().poll(context);
        // A node that died in the middle of a step has taken no step after it.
        if polled.is_ready() || self.cell.life() == Life::Dead {
            self.task = None;
            self.cell.inside().wakers.remove(&self.number);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.cell.inside().wakers.remove(&self.number);
    }
}
