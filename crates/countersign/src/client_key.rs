//! Keys of the command line's user, each in a file that its owner alone can read.

use crate::{
    exit::{Exit, Failure},
    login::private_file,
};
use countersign_identity::ClientKey;
use std::{fs, path::Path};

/// Makes a key and keeps it in a file, which must not be there yet: a key is never written over.
///
/// # Errors
/// When there is such a file, or it can't be written.
pub(crate) fn make(file: &Path) -> Result<ClientKey, Failure> {
    if file.exists() {
        return Err(Failure::usage(format!("{} is there already", file.display()))
            .next("name a file that is not, or remove it if nobody uses that key"));
    }
    let (key, pem) = ClientKey::make()
        .map_err(|error| Failure::caused(Exit::Failed, "no key can be made", &error))?;
    private_file(file, pem.reveal().as_bytes()).map_err(|error| {
        Failure::failed(format!("{} can't be written: {error}", file.display()))
    })?;
    Ok(key)
}

/// Reads a key. A file that others can read is refused: whoever read it has the key.
///
/// # Errors
/// When it can't be read, others can read it, or it is no key.
pub(crate) fn read(file: &Path) -> Result<ClientKey, Failure> {
    let unreadable = |error| Failure::usage(format!("{} can't be read: {error}", file.display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(file).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Failure::usage(format!("{} can be read by others", file.display())).next(
                format!("chmod 600 {}, and make a new key if somebody did", file.display()),
            ));
        }
    }
    let pem = fs::read_to_string(file).map_err(unreadable)?;
    ClientKey::read(&pem).map_err(|error| {
        let what = format!("{} holds no key", file.display());
        Failure::caused(Exit::Usage, &what, &error).next("make one: countersign token key FILE")
    })
}

#[cfg(test)]
mod tests;
