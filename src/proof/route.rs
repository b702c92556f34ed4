//! The fewest boots that cover every jump between slots: an Eulerian circuit of the complete directed graph.
//!
//! Each of `n` slots has `n - 1` jumps out and as many in, so a circuit through all `n (n - 1)` of them exists (Euler), and
//! one machine that never restarts can walk it. Hierholzer's algorithm finds it.

/// Slots by number in the order to visit, from `start` back to `start`; each ordered pair of different slots below
/// `count` stands side by side exactly once. `[start]` where there is nowhere to go.
pub fn circuit(count: usize, start: usize) -> Vec<usize> {
    // the next slot to try from each; a slot itself is passed over
    let mut next = vec![0; count];
    let mut path = vec![start];
    let mut out = Vec::new();
    while let Some(&at) = path.last() {
        if next.get(at) == Some(&at) {
            next[at] += 1;
        }
        match next.get(at) {
            Some(&to) if to < count => {
                next[at] += 1;
                path.push(to);
            }
            _ => {
                out.push(at);
                path.pop();
            }
        }
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_slots_and_one_and_none() {
        assert_eq!(circuit(2, 0), [0, 1, 0]);
        assert_eq!(circuit(2, 1), [1, 0, 1]);
        assert_eq!(circuit(1, 0), [0]);
        assert_eq!(circuit(0, 0), [0]);
    }

    proptest::proptest! {
        #[test]
        fn every_ordered_pair_once(count in 1usize..9, start in 0usize..9) {
            let start = start % count;
            let route = circuit(count, start);
            proptest::prop_assert_eq!((route[0], route[route.len() - 1]), (start, start));
            proptest::prop_assert_eq!(route.len(), count * (count - 1) + 1);
            let pairs: BTreeSet<(usize, usize)> = route.windows(2).map(|w| (w[0], w[1])).collect();
            proptest::prop_assert_eq!(pairs.len(), count * (count - 1));
            proptest::prop_assert!(pairs.iter().all(|(from, to)| from != to && *from < count && *to < count));
        }
    }
}
