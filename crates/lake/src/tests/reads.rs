//! What a query reads is counted.

use std::sync::Arc;

use super::{load, memory, slice_of};
use crate::session::{LakeSession, Reads, first_text};
use crate::slice;

#[tokio::test(flavor = "multi_thread")]
async fn the_files_that_a_query_reads_are_counted() {
    let lake = memory();
    for connection in ["a", "b", "c"] {
        let slice = slice_of(connection);
        let loaded = load(&lake, &slice, "r1", 10).await;
        slice::replace(&lake, &slice, loaded).await.unwrap();
    }
    let session = LakeSession::open(&lake, None).await.unwrap();
    let reads = Arc::new(Reads::default());
    let watched = session.watched(&reads);
    let sum = "SELECT SUM(BilledCost) FROM cost_and_usage";
    assert_eq!((reads.done(), reads.files()), (0, 0));
    let answer = first_text(&watched.query(sum).await.unwrap());
    assert_eq!((reads.done(), reads.files()), (3, 3));
    let one = format!("{sum} WHERE x_Connection = 'b'");
    watched.query(&one).await.unwrap();
    assert_eq!((reads.done(), reads.files()), (4, 4));
    // The session itself is as it was.
    assert_eq!(first_text(&session.query(sum).await.unwrap()), answer);
    assert_eq!((reads.done(), reads.files()), (4, 4));
}
