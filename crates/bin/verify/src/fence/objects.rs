//! The contents of objects, as they come from `git cat-file --batch`.

use std::path::Path;

use crate::git::{self, NoGit};

/// A header is longer than this only where the answer is not what it should be.
const HEADER: usize = 64 << 10;

/// Reads objects one after the other: `take` gets the number of the object and a piece of it, `None` at its end. One that
/// is not there has no pieces.
pub async fn read(root: &Path, names: &[&str], mut take: impl FnMut(usize, Option<&[u8]>)) -> Result<(), NoGit> {
    // A name with a line end would be two.
    let names: Vec<&str> = names.iter().map(|name| if name.contains('\n') { "" } else { *name }).collect();
    if names.is_empty() {
        return Ok(());
    }
    let input = names.iter().flat_map(|name| [name.as_bytes(), b"\n"].concat()).collect();
    let mut batch = Batch::default();
    git::ask(root, &["cat-file", "--batch"], input, |piece| batch.push(piece, &mut take)).await?;
    if batch.at < names.len() {
        return Err(NoGit::Refused("git: an answer that breaks off".into()));
    }
    Ok(())
}

/// The contents of small objects, up to `limit` bytes each.
pub async fn contents(root: &Path, names: &[&str], limit: usize) -> Result<Vec<Vec<u8>>, NoGit> {
    let mut all = vec![Vec::new(); names.len()];
    read(root, names, |at, piece| {
        if let (Some(piece), Some(content)) = (piece, all.get_mut(at)) {
            let space = limit.saturating_sub(content.len());
            content.extend_from_slice(&piece[..piece.len().min(space)]);
        }
    })
    .await?;
    Ok(all)
}

/// Where in the answer we are.
#[derive(Default)]
struct Batch {
    /// The number of the object.
    at: usize,
    header: Vec<u8>,
    /// What is still to come of its contents and the line end behind them; `None` while its header is read.
    left: Option<u64>,
}

impl Batch {
    fn push(&mut self, mut piece: &[u8], take: &mut impl FnMut(usize, Option<&[u8]>)) {
        while !piece.is_empty() {
            if let Some(left) = self.left {
                let now = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let (contents, rest) = piece.split_at(now);
                // The last byte is the line end.
                let is_last = now as u64 == left;
                let contents = if is_last { &contents[..now - 1] } else { contents };
                if !contents.is_empty() {
                    take(self.at, Some(contents));
                }
                piece = rest;
                self.left = Some(left - now as u64);
                if is_last {
                    take(self.at, None);
                    self.at += 1;
                    self.left = None;
                }
                continue;
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let now = end.unwrap_or(piece.len());
            if self.header.len() < HEADER {
                self.header.extend_from_slice(&piece[..now]);
            }
            piece = &piece[(now + usize::from(end.is_some())).min(piece.len())..];
            if end.is_some() {
                self.left = size(&std::mem::take(&mut self.header)).map(|size| size + 1);
                if self.left.is_none() {
                    take(self.at, None);
                    self.at += 1;
                }
            }
        }
    }
}

/// The size in `OBJECT TYPE SIZE`; `None` in `NAME missing` and the like.
fn size(header: &[u8]) -> Option<u64> {
    let fields: Vec<&str> = str::from_utf8(header).ok()?.split(' ').collect();
    match fields[..] {
        [_, "blob" | "tree" | "commit" | "tag", size] => size.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_however_it_is_cut() {
        let answer = b"aa blob 5\nx\ny\nz\nHEAD:gone missing\nbb blob 0\n\ncc blob 1\n\n\n";
        for size in 1..=answer.len() {
            let mut batch = Batch::default();
            let mut all = vec![Vec::new(); 4];
            let mut ends = 0;
            for piece in answer.chunks(size) {
                batch.push(piece, &mut |at, piece| match piece {
                    Some(piece) => all[at].extend_from_slice(piece),
                    None => ends += 1,
                });
            }
            assert_eq!(all, [b"x\ny\nz".to_vec(), vec![], vec![], b"\n".to_vec()], "{size}");
            assert_eq!((ends, batch.at), (4, 4));
        }
    }
}
