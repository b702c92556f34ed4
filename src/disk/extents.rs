//! Where a sparse file holds data, as the filesystem tells it (`lseek(2)`, SEEK_DATA and SEEK_HOLE).

use std::fs::File;
use std::io;
use std::ops::Range;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// The stretches of `file` up to byte `length` that hold data, ascending and apart; all else reads as zeros. A
/// filesystem that knows no holes gives the whole file. Moves the file's position.
pub fn data(file: &File, length: u64) -> io::Result<Vec<Range<u64>>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < length {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            // no data behind `at`
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::OPNOTSUPP) if found.is_empty() => {
                found.push(0..length);
                break;
            }
            Err(errno) => return Err(errno.into()),
        };
        if start >= length {
            break;
        }
        let end = seek(file, SeekFrom::Hole(start))?.min(length);
        found.push(start..end);
        at = end;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn finds_data_between_holes() {
        let file = tempfile::tempfile().expect("file");
        file.set_len(8 << 20).expect("length");
        assert_eq!(data(&file, 8 << 20).expect("extents"), []);
        file.write_all_at(&[1; 65536], 1 << 20).expect("write");
        file.write_all_at(&[1; 65536], 4 << 20).expect("write");
        let m = 1 << 20;
        assert_eq!(data(&file, 8 * m).expect("extents"), [m..m + 65536, 4 * m..4 * m + 65536]);
        let cut = m..m + 10;
        assert_eq!(data(&file, m + 10).expect("extents"), std::slice::from_ref(&cut));
        assert_eq!(data(&file, m).expect("extents"), []);
    }
}
