//! Which cuts are made: every offset of a typical request and response as far as they reach.

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::prove::proxy::{Cut, Manner, Side, Sizes};

/// Of so many posts, one is cut off again when it is repeated.
const TWICE_EVERY: usize = 4;
/// Of so many posts, one is cut off a third time.
const THRICE_EVERY: usize = 16;

/// `count` cuts, in lists for one post each. With fewer cuts than there are offsets, these are spread
/// evenly; with more, every offset has its turn before any has a second one.
pub fn plan(count: usize, sizes: Sizes, seed: u64) -> Vec<Vec<Cut>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let places = sizes.request + sizes.response;
    let mut cuts: Vec<Cut> = (0..count)
        .map(|index| {
            let place = match places {
                0 => 0,
                places if count < places => index * places / count,
                places => index % places,
            };
            let (side, offset) = match place.checked_sub(sizes.request) {
                None => (Side::Request, place),
                Some(offset) => (Side::Response, offset),
            };
            let manners = [Manner::Close, Manner::Reset, Manner::Stall];
            Cut { side, offset, manner: manners[random.random_range(0..manners.len())] }
        })
        .collect();
    cuts.shuffle(&mut random);
    let mut lists = Vec::new();
    while !cuts.is_empty() {
        let number = lists.len() + 1;
        let length = match number {
            number if number.is_multiple_of(THRICE_EVERY) => 3,
            number if number.is_multiple_of(TWICE_EVERY) => 2,
            _ => 1,
        };
        let rest = cuts.split_off(length.min(cuts.len()));
        lists.push(std::mem::replace(&mut cuts, rest));
    }
    lists
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SIZES: Sizes = Sizes { request: 1_400, response: 180 };

    fn places(lists: &[Vec<Cut>]) -> BTreeSet<(bool, usize)> {
        lists.iter().flatten().map(|cut| (cut.side == Side::Request, cut.offset)).collect()
    }

    #[test]
    fn enough_cuts_reach_every_offset_in_every_manner() {
        let lists = plan(2_000, SIZES, 1);
        assert_eq!(lists.iter().map(Vec::len).sum::<usize>(), 2_000);
        assert_eq!(places(&lists).len(), 1_580);
        for manner in [Manner::Close, Manner::Reset, Manner::Stall] {
            let count = lists.iter().flatten().filter(|cut| cut.manner == manner).count();
            assert!(count > 550, "{manner:?}: {count}");
        }
        assert!(lists.iter().any(|list| list.len() == 3));
    }

    #[test]
    fn few_cuts_are_spread_over_both_sides() {
        let lists = plan(100, SIZES, 1);
        let places = places(&lists);
        assert_eq!(places.len(), 100);
        assert!(places.iter().filter(|(is_request, _)| !is_request).count() >= 10);
    }

    #[test]
    fn a_seed_gives_the_same_cuts_again() {
        assert_eq!(plan(300, SIZES, 7), plan(300, SIZES, 7));
        assert_ne!(plan(300, SIZES, 7), plan(300, SIZES, 8));
    }
}
