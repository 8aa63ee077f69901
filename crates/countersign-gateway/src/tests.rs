use super::*;
use std::mem::size_of;

fn size<'a, F: 'a>(_: impl FnOnce(&'a Gateway, Request<Incoming>) -> F) -> usize {
    size_of::<F>()
}

fn size_of_walk<'a, F: 'a>(_: impl FnOnce(&'a Arc<Inner>, Request<Incoming>) -> F) -> usize {
    size_of::<F>()
}

fn size_of_finish<F>(_: impl FnOnce(Arc<Inner>, Cleared) -> F) -> usize {
    size_of::<F>()
}

/// Every call moves its futures, so their size is paid for by every call. A branch that few calls
/// take belongs into a box.
#[test]
fn futures_stay_small() {
    let sizes = [
        ("handle", size(Gateway::handle), 3 * 1024),
        ("walk", size_of_walk(Inner::walk), 2 * 1024),
        ("finish", size_of_finish(finish::finish), 3456),
        ("resolved", size_of::<resolve::Resolved>(), 320),
        ("permit", size_of::<permit::Permit>(), 128),
        ("forwarded", size_of::<forward::Forwarded>(), 192),
        ("pipeline", size_of::<masking::Pipeline>(), 512),
    ];
    for (name, bytes, bytes_max) in sizes {
        assert!(bytes <= bytes_max, "{name} has {bytes} bytes: {sizes:?}");
    }
}
