//! Seals three windows, then plays the auditor: follows the chain from its first slice and finds what was changed.

use ron_ledger_wire::{
    accept, encode_labels_key, Acceptance, EncodeError, Head, Origin, Rejection, SealedSlice, Seq,
    SliceBuilder, StreamId,
};

fn main() -> Result<(), EncodeError> {
    let stream = StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
    let mut chain = seal_three_windows(&stream)?;
    assert_eq!(verify(&stream, &chain), Ok(Seq::new(3)));

    // Bytes that were changed no longer have their digest, whatever the change.
    let mut forged = chain[1].decode();
    forged.rows[0].increment -= 1;
    let forged = forged.encode()?;
    let head = Head::new(stream.clone(), Seq::new(1), Some(chain[0].digest()));
    assert!(matches!(
        accept(&head, &chain[1].digest(), forged.bytes()),
        Acceptance::Reject(Rejection::DigestMismatch { .. })
    ));

    // A slice that was sealed anew has a digest of its own, but then the next slice links to another.
    let original = std::mem::replace(&mut chain[1], forged);
    assert_eq!(verify(&stream, &chain), Err(Seq::new(2)));

    // A slice that was taken out leaves a gap.
    chain[1] = original;
    chain.remove(1);
    assert_eq!(verify(&stream, &chain), Err(Seq::new(2)));
    Ok(())
}

fn seal_three_windows(stream: &StreamId) -> Result<Vec<SealedSlice>, EncodeError> {
    let mut chain: Vec<SealedSlice> = Vec::new();
    let mut key = Vec::new();
    for (minute, requests) in (0..).zip([120, 95, 143]) {
        let previous = chain.last().map(SealedSlice::digest);
        let mut builder =
            SliceBuilder::new(stream, Seq::new(minute), minute * 60_000, (minute + 1) * 60_000, previous)?;
        key.clear();
        encode_labels_key("GET", "/v1/objects/:id", "gateway", "eu", &mut key);
        builder.push_encoded(&key, requests)?;
        chain.push(builder.finish()?);
    }
    Ok(chain)
}

/// The number behind the slices that follow each other from the first, or that of the first that does not.
fn verify(stream: &StreamId, chain: &[SealedSlice]) -> Result<Seq, Seq> {
    let mut head = Head::genesis(stream.clone());
    for sealed in chain {
        match accept(&head, &sealed.digest(), sealed.bytes()) {
            Acceptance::Next { head: next, .. } => head = next,
            _ => return Err(sealed.seq()),
        }
    }
    Ok(head.next_seq())
}
