//! A tree that BuildKit sends in packets, as one tar stream.
//!
//! Enters: packets. Leaves: requests for contents, and the tar's bytes in the order of the engine's list. The engine reads
//! four files at a time and sends their contents mixed, so what comes before its turn is held.
//!
//! What holds: of contents asked for and not written yet there are at most [`AHEAD`] bytes, or the one file whose turn it
//! is; a file that has another size than its stat said is an error (the engine sends one that it cannot open as empty);
//! the tar ends with its two empty blocks only when every entry of the list is in it.

use std::collections::VecDeque;

use bytes::{Bytes as Chunk, BytesMut};

use super::packet::{self, Malformed, Packet};
use super::tar_entry::{self, BLOCK};

/// Bytes of contents that may be asked for before they are written.
const AHEAD: u64 = 8 << 20;
/// Files that may be asked for before they are written: what the engine keeps in line.
const ASKED: usize = 128;
/// The end of a tar.
static END: [u8; 2 * BLOCK as usize] = [0; 2 * BLOCK as usize];

/// Why no tree comes of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the engine stopped: {0}")]
    Failed(String),
    #[error("{path} has {came} bytes and not the {size} that the engine promised")]
    Size { path: String, size: u64, came: u64 },
}

/// A tree on its way.
#[derive(Default)]
pub(super) struct Transfer {
    /// What is not written yet, or not to its end, in the engine's order.
    entries: VecDeque<Entry>,
    /// The number of the first of them.
    first: u32,
    /// How many of them were asked for, or need not be.
    asked: usize,
    /// Bytes asked for and not written.
    ahead: u64,
    /// All entries have come.
    listed: bool,
    /// The tar has its end.
    whole: bool,
    /// The engine knows that.
    ended: bool,
}

struct Entry {
    path: Vec<u8>,
    /// Taken when it is written.
    header: Vec<u8>,
    size: u64,
    /// Content that has come and is not written.
    content: Vec<Chunk>,
    came: u64,
    /// Nothing more of it comes.
    complete: bool,
}

impl Transfer {
    /// Takes the engine's next packet.
    pub(super) fn take(&mut self, packet: Packet) -> Result<(), TransferError> {
        match packet {
            Packet::Stat(_) | Packet::Listed if self.listed => {
                Err(Malformed("an entry after the last").into())
            }
            Packet::Stat(stat) => {
                let (header, size) = tar_entry::header(&stat)?;
                let (path, complete) = (stat.path, size == 0);
                self.entries.push_back(Entry { path, header, size, content: Vec::new(), came: 0, complete });
                Ok(())
            }
            Packet::Listed => {
                self.listed = true;
                Ok(())
            }
            Packet::Content(id, content) => self.content(id, content),
            Packet::Ended if self.whole => {
                self.ended = true;
                Ok(())
            }
            Packet::Ended => Err(Malformed("an end before the end").into()),
            Packet::Failed(problem) => Err(TransferError::Failed(problem)),
        }
    }

    fn content(&mut self, id: u32, content: Chunk) -> Result<(), TransferError> {
        let at = id.checked_sub(self.first).map_or(usize::MAX, |at| at as usize);
        let entry = match self.entries.get_mut(at) {
            Some(entry) if at < self.asked && !entry.complete => entry,
            _ => return Err(Malformed("content that nobody asked for").into()),
        };
        entry.came += content.len() as u64;
        entry.complete = content.is_empty();
        if entry.came > entry.size || (entry.complete && entry.came < entry.size) {
            let path = format!("/{}", String::from_utf8_lossy(&entry.path));
            return Err(TransferError::Size { path, size: entry.size, came: entry.came });
        }
        if !entry.complete {
            entry.content.push(content);
        }
        Ok(())
    }

    /// What the engine is to be told now.
    pub(super) fn message(&mut self) -> Option<Chunk> {
        while let Some(entry) = self.entries.get(self.asked) {
            let room = self.ahead + entry.size <= AHEAD && self.asked < ASKED;
            if !entry.complete && !room && self.asked > 0 {
                return None;
            }
            self.asked += 1;
            if !entry.complete {
                self.ahead += entry.size;
                return Some(packet::request(self.first + (self.asked - 1) as u32));
            }
        }
        None
    }

    /// Appends what of the tar is at hand to `out`, until that holds `most` bytes or a little more. Says whether the
    /// tar got its end by it: then the engine is to be told.
    pub(super) fn write(&mut self, out: &mut BytesMut, most: usize) -> bool {
        while let Some(entry) = self.entries.front_mut() {
            out.extend_from_slice(&std::mem::take(&mut entry.header));
            let mut written = 0;
            for content in &entry.content {
                if out.len() >= most {
                    break;
                }
                out.extend_from_slice(content);
                self.ahead -= content.len() as u64;
                written += 1;
            }
            entry.content.drain(..written);
            if !entry.complete || !entry.content.is_empty() || out.len() >= most {
                return false;
            }
            let padded = entry.size.next_multiple_of(BLOCK) - entry.size;
            out.resize(out.len() + padded as usize, 0);
            self.entries.pop_front();
            self.first += 1;
            // what is empty may not have been passed yet
            self.asked = self.asked.saturating_sub(1);
        }
        if !self.listed || self.whole {
            return false;
        }
        out.extend_from_slice(&END);
        self.whole = true;
        true
    }

    /// Whether the tar is whole, and the engine has seen that we know.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether all of the tar has been written.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::super::packet::Stat;
    use super::*;

    /// An engine that has these entries and sends contents mixed, four files at a time, in pieces.
    struct Engine {
        entries: Vec<(Stat, Vec<u8>)>,
        line: VecDeque<u32>,
        sending: Vec<(u32, usize)>,
        most_ahead: u64,
    }

    impl Engine {
        fn new(entries: Vec<(Stat, Vec<u8>)>) -> Engine {
            Engine { entries, line: VecDeque::new(), sending: Vec::new(), most_ahead: 0 }
        }

        /// The next piece of one of the files under way, chosen by `dice`.
        fn send(&mut self, dice: usize, piece: usize) -> Option<Packet> {
            while self.sending.len() < 4
                && let Some(id) = self.line.pop_front()
            {
                self.sending.push((id, 0));
            }
            let at = dice.checked_rem(self.sending.len())?;
            let (id, sent) = &mut self.sending[at];
            let content = &self.entries[*id as usize].1[*sent..];
            let content = Chunk::copy_from_slice(&content[..piece.min(content.len())]);
            *sent += content.len();
            let id = *id;
            if content.is_empty() {
                self.sending.remove(at);
            }
            Some(Packet::Content(id, content))
        }

        /// The tar that comes of it.
        fn transfer(&mut self, dice: &[usize], piece: usize, most: usize) -> Result<Vec<u8>, TransferError> {
            let mut transfer = Transfer::default();
            let mut out = BytesMut::new();
            let mut tar = Vec::new();
            let mut stats: VecDeque<Packet> =
                self.entries.iter().map(|(stat, _)| Packet::Stat(Box::new(stat.clone()))).collect();
            stats.push_back(Packet::Listed);
            let mut dice = dice.iter().cycle().copied();
            loop {
                let roll = dice.next().unwrap_or(0);
                let content = if roll % 3 == 0 { None } else { self.send(roll, piece) };
                let packet = content.or_else(|| stats.pop_front()).or_else(|| self.send(roll, piece));
                transfer.take(packet.expect("something to send until the end"))?;
                while let Some(message) = transfer.message() {
                    // behind the prefix, the packet's kind and the field's tag
                    let number = message[8..].iter().rev().fold(0, |sum, b| sum << 7 | u32::from(b & 0x7f));
                    self.line.push_back(number);
                }
                self.most_ahead = self.most_ahead.max(transfer.ahead);
                loop {
                    let whole = transfer.write(&mut out, most);
                    if out.is_empty() {
                        break;
                    }
                    tar.extend_from_slice(&out.split());
                    if whole {
                        transfer.take(Packet::Ended)?;
                        assert!(transfer.has_ended());
                        return Ok(tar);
                    }
                }
            }
        }
    }

    fn file(path: &str, content: &[u8]) -> (Stat, Vec<u8>) {
        let (path, size) = (path.into(), content.len() as u64);
        (Stat { path, size, mode: 0o644, ..Stat::default() }, content.to_vec())
    }

    fn contents(tar: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().expect("a tar").map(|entry| {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            (String::from_utf8_lossy(&entry.path_bytes()).into_owned(), content)
        });
        entries.collect()
    }

    proptest! {
        #[test]
        fn the_tar_has_all_in_order_however_contents_come(
            sizes in prop::collection::vec(prop_oneof![Just(0_usize), 1_usize..3000], 0..30),
            dice in prop::collection::vec(any::<u16>().prop_map(usize::from), 1..50),
            piece in 1_usize..2000,
            most in 1_usize..5000,
        ) {
            let files: Vec<_> = sizes
                .iter()
                .enumerate()
                .map(|(i, size)| file(&format!("f{i}"), &vec![i as u8 + 1; *size]))
                .collect();
            let tar = Engine::new(files.clone()).transfer(&dice, piece, most).expect("a tree");
            let expected: Vec<_> = files
                .into_iter()
                .map(|(stat, content)| (String::from_utf8(stat.path).expect("text"), content))
                .collect();
            prop_assert_eq!(contents(&tar), expected);
        }
    }

    #[test]
    fn little_is_asked_for_before_its_turn() {
        let large = vec![7; 3 * AHEAD as usize];
        let files: Vec<_> =
            (0..6).map(|i| file(&format!("f{i}"), &large[..(i % 3) * AHEAD as usize / 3])).collect();
        let mut engine = Engine::new([vec![file("large", &large)], files].concat());
        let tar = engine.transfer(&[1, 2, 5], 32 << 10, 256 << 10).expect("a tree");
        assert_eq!(contents(&tar).len(), 7);
        assert!(engine.most_ahead <= 3 * AHEAD, "{}", engine.most_ahead);
        let mut engine = Engine::new((0..20).map(|i| file(&format!("f{i}"), &large[..1 << 20])).collect());
        engine.transfer(&[1, 2, 5], 32 << 10, 256 << 10).expect("a tree");
        assert!(engine.most_ahead <= AHEAD, "{}", engine.most_ahead);
    }

    #[test]
    fn a_file_of_another_size_is_an_error() {
        for (content, came) in [("ab", 2), ("abcd", 4), ("", 0)] {
            let mut engine = Engine::new(vec![file("etc/a", b"abc")]);
            engine.entries[0].1 = content.into();
            let problem = engine.transfer(&[1], 100, 100).expect_err("refused").to_string();
            assert_eq!(problem, format!("/etc/a has {came} bytes and not the 3 that the engine promised"));
        }
    }

    #[test]
    fn packets_out_of_turn_are_refused() {
        let refused = |packets: Vec<Packet>| {
            let mut transfer = Transfer::default();
            let mut results = packets.into_iter().map(|packet| transfer.take(packet));
            results.find_map(Result::err).expect("refused").to_string()
        };
        let stat = || Packet::Stat(Box::new(file("a", b"abc").0));
        let content = || Packet::Content(0, Chunk::from_static(b"abc"));
        assert_eq!(refused(vec![stat(), content()]), "the engine sent content that nobody asked for");
        assert_eq!(refused(vec![Packet::Listed, stat()]), "the engine sent an entry after the last");
        assert_eq!(refused(vec![stat(), Packet::Ended]), "the engine sent an end before the end");
        assert_eq!(refused(vec![Packet::Failed("no".into())]), "the engine stopped: no");
    }
}
