//! What changed, as CloudEvents, and the sinks that they are sent to.
//!
//! [`facts`] makes the events from what somebody else looked up, with ids that are the same
//! whoever makes them and whenever (INV-IDEM); [`vanus`] makes the same figures in the shape of
//! another product. [`deliver`](deliver::deliver) takes events from a [`deliver::Source`] to a
//! [`sink::Sink`], and keeps in a [`deliver::Journal`] how far it came. Neither lake nor registry
//! is known here. A sink is a file in [`sinks`]; what one is told is in [`settings`].

pub mod deliver;
pub mod event;
pub mod facts;
pub mod settings;
pub mod sink;
pub mod sinks;
pub mod vanus;
