//! What systems, archivers and NAS boxes leave behind in folders: never a photo that somebody meant.

/// Files and folders with these names, in any case, are not looked at.
const NAMES: [&str; 21] = [
    // macOS and its archives
    "__MACOSX",
    "Icon\r",
    "Network Trash Folder",
    "Temporary Items",
    // Windows
    "Thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    // Linux
    "lost+found",
    // Synology, QNAP, NetApp
    "@eaDir",
    "@tmp",
    "@Recycle",
    "@Recently-Snapshot",
    "#recycle",
    "#snapshot",
    "~snapshot",
    // Picasa, Python
    "Picasa.ini",
    "ZbThumbnail.info",
    "__pycache__",
];

/// The part of a path that makes it litter or hides it, with what stands before: `a/__MACOSX`. Names that
/// begin with a dot are hidden, as `ls` hides them.
pub(super) fn skipped_part(path: &str) -> Option<&str> {
    let mut end = 0;
    for part in path.split('/') {
        end += part.len();
        if is_skipped(part) {
            return Some(&path[..end]);
        }
        end += 1;
    }
    None
}

/// True for the name of a file or folder that is not looked at.
pub(super) fn is_skipped(name: &str) -> bool {
    name.starts_with('.') || NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// True for a name that begins with a dot and is none that a system is known to give.
pub(super) fn is_hidden_by_hand(name: &str) -> bool {
    const KNOWN: [&str; 12] = [
        ".DS_Store",
        ".Spotlight-V100",
        ".Trashes",
        ".fseventsd",
        ".localized",
        ".git",
        ".gitignore",
        ".gitattributes",
        ".ipynb_checkpoints",
        ".directory",
        ".picasa.ini",
        ".@__thumb",
    ];
    name.starts_with('.')
        && !name.starts_with("._")
        && !name.starts_with(".Trash")
        && !name.starts_with(".nfs")
        && !name.starts_with(".fuse_hidden")
        && !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systems_leave_behind_is_skipped_wherever_it_lies() {
        assert_eq!(skipped_part("a/__MACOSX/b/._c.jpg"), Some("a/__MACOSX"));
        assert_eq!(skipped_part("cat/.DS_Store"), Some("cat/.DS_Store"));
        assert_eq!(skipped_part("cat/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg"), Some("cat/@eaDir"));
        assert_eq!(skipped_part("cat/thumbs.DB"), Some("cat/thumbs.DB"));
        assert_eq!(skipped_part("cat/1.jpg"), None);
    }

    #[test]
    fn a_folder_that_somebody_hid_is_told_from_a_systems_own() {
        assert!(is_hidden_by_hand(".cats"));
        assert!(!is_hidden_by_hand("._1.jpg") && !is_hidden_by_hand(".ds_store"));
    }
}
