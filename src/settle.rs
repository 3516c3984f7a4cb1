//! The settle stage: what a sale is worth to whom, which caps it charges, and under which names it
//! is booked. It must not know how a lead was sold, and moves no money itself.

pub mod caps;
pub mod sale;
