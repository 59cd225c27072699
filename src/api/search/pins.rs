//! States that live page tokens stand for.
//!
//! The newest states share almost everything with each other, so that many may be
//! held; a past state was made by replay and is whole, so that few may. When there
//! are more, the one whose tokens end first goes, and its tokens with it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::node::Point;

/// Newest states that are held for pages, at most. Our choice: about as many as
/// the ledger keeps at hand anyway.
pub const PINNED_POINTS_MAX: usize = 256;
/// Past states (`Aobo-As-Of`) that are held for pages, at most. Our choice: each
/// may be a whole state.
pub const PINNED_PAST_POINTS_MAX: usize = 4;

/// The states that are held.
#[derive(Debug, Default)]
pub(in crate::api) struct Pins(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    last: u64,
    pins: Vec<Pin>,
}

#[derive(Debug)]
struct Pin {
    number: u64,
    point: Arc<Point>,
    past: bool,
    /// When its last token ends.
    until: Timestamp,
}

impl Pins {
    /// Holds a state until a time, and returns the number under which it is found.
    pub(super) fn hold(
        &self,
        point: &Arc<Point>,
        past: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> u64 {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.pins.retain(|pin| now < pin.until);
        let known = held
            .pins
            .iter_mut()
            .find(|pin| Arc::ptr_eq(&pin.point, point));
        if let Some(pin) = known {
            pin.until = pin.until.max(until);
            return pin.number;
        }
        held.make_room(past);
        held.last += 1;
        let number = held.last;
        held.pins.push(Pin {
            number,
            point: Arc::clone(point),
            past,
            until,
        });
        number
    }

    /// The state of a number, if it is still held, and whether it is a past one.
    pub(super) fn find(&self, number: u64) -> Option<(Arc<Point>, bool)> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = held.pins.iter().find(|pin| pin.number == number)?;
        Some((Arc::clone(&found.point), found.past))
    }
}

impl Held {
    fn make_room(&mut self, past: bool) {
        let most = match past {
            true => PINNED_PAST_POINTS_MAX,
            false => PINNED_POINTS_MAX,
        };
        let alike = || self.pins.iter().filter(|pin| pin.past == past);
        if alike().count() < most {
            return;
        }
        let first = alike().min_by_key(|pin| (pin.until, pin.number));
        if let Some(number) = first.map(|pin| pin.number) {
            self.pins.retain(|pin| pin.number != number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Bundle, Source};

    fn point() -> Arc<Point> {
        let schema = Source::new("s.cedarschema", "entity User;");
        let bundle = Arc::new(Bundle::new(&schema, &[]).unwrap());
        Arc::new(Point::generic(bundle, Vec::new()).unwrap())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_state_is_held_once_and_for_as_long_as_its_last_token() {
        let (pins, point) = (Pins::default(), point());
        let number = pins.hold(&point, false, at(0), at(10));
        assert_eq!(pins.hold(&point, false, at(5), at(15)), number);
        assert_eq!(pins.hold(&point, false, at(6), at(7)), number);
        let other = pins.hold(&self::point(), false, at(14), at(24));
        assert_ne!(other, number);
        assert!(pins.find(number).is_some() && pins.find(other).is_some());
        pins.hold(&self::point(), false, at(15), at(25));
        assert!(pins.find(number).is_none() && pins.find(other).is_some());
    }

    #[track_caller]
    fn check(past: bool, most: usize) {
        let pins = Pins::default();
        let other = pins.hold(&point(), !past, at(0), at(1_000));
        let numbers: Vec<u64> = (0..most)
            .map(|n| pins.hold(&point(), past, at(0), at(2_000 - i64::try_from(n).unwrap())))
            .collect();
        assert!(numbers.iter().all(|number| pins.find(*number).is_some()));
        pins.hold(&point(), past, at(0), at(9_000));
        let (last, rest) = numbers.split_last().unwrap();
        assert!(pins.find(*last).is_none(), "the one that ends first went");
        assert!(rest.iter().all(|number| pins.find(*number).is_some()));
        assert!(pins.find(other).is_some(), "of the other kind");
    }

    #[test]
    fn so_many_are_held_and_no_more() {
        check(false, PINNED_POINTS_MAX);
        check(true, PINNED_PAST_POINTS_MAX);
    }
}
