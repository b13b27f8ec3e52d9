//! Secrets that follow files, as Kubernetes swaps them.

use super::{LiveSecret, Refreshed, Secret, SecretError};
use crate::{
    settings::{
        tests::Folder,
        watch::{SecretWatch, watch},
    },
    tasks::Tasks,
    telemetry::logs,
};
use std::{os::unix::fs::symlink, time::Duration};

#[test]
fn a_secret_is_never_shown() {
    let secret = Secret::new("s3cret");
    assert_eq!(format!("{secret:?} {secret}"), "Secret(…) …");
    assert!(!format!("{:?}", LiveSecret::fixed(secret)).contains("s3cret"));
}

#[test]
fn line_breaks_behind_a_secret_are_not_part_of_it() {
    assert_eq!(Secret::parse("abc\r\n\n").unwrap().expose(), "abc");
    assert_eq!(Secret::parse("\n"), Err(SecretError::Empty));
    assert_eq!(Secret::parse("ab c"), Err(SecretError::Alphabet(3)));
    assert_eq!(Secret::parse(&"x".repeat(20_000)), Err(SecretError::TooLong));
}

#[test]
fn a_swapped_link_is_noticed() {
    let folder = Folder::new();
    for (version, token) in [("..1", "one"), ("..2", "two")] {
        std::fs::create_dir(folder.path(version)).unwrap();
        folder.write(&format!("{version}/token"), token);
    }
    symlink("..1", folder.path("..data")).unwrap();
    symlink("..data/token", folder.path("token")).unwrap();
    let secret = LiveSecret::from_file(&folder.path("token")).unwrap();
    let clone = secret.clone();
    assert_eq!(secret.refresh(), Refreshed::Unchanged);
    symlink("..2", folder.path("..next")).unwrap();
    std::fs::rename(folder.path("..next"), folder.path("..data")).unwrap();
    assert_eq!(secret.refresh(), Refreshed::Changed);
    assert_eq!(clone.get().expose(), "two");
}

#[test]
fn a_bad_file_leaves_the_old_secret() {
    let folder = Folder::new();
    let path = folder.write("token", "one");
    let secret = LiveSecret::from_file(&path).unwrap();
    folder.write("token", "");
    assert_eq!(secret.refresh(), Refreshed::Failed(SecretError::Empty));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(secret.refresh(), Refreshed::Failed(SecretError::Unreadable(_))));
    assert_eq!(secret.get().expose(), "one");
    folder.write("token", "two\n");
    assert_eq!(secret.refresh(), Refreshed::Changed);
    assert_eq!(secret.get().expose(), "two");
}

#[test]
fn a_fixed_secret_is_not_watched() {
    let mut watch = SecretWatch::new(vec![("ghl.token", LiveSecret::fixed(Secret::new("x")))]);
    assert!(watch.run_once().is_empty());
}

#[test]
fn each_failure_is_warned_of_once_and_no_secret_is_logged() {
    let folder = Folder::new();
    let secret = LiveSecret::from_file(&folder.write("token", "s3cret-one")).unwrap();
    let mut watch = SecretWatch::new(vec![("ghl.token", secret)]);
    let log = logs::capture();
    tracing::subscriber::with_default(log.subscriber("trace").unwrap(), || {
        for content in ["", "", "bad s3cret", "s3cret-one", "s3cret-two", ""] {
            folder.write("token", content);
            watch.run_once();
        }
    });
    let text = log.text();
    assert_eq!(text.matches("the old one stays").count(), 3, "{text}");
    assert_eq!(text.matches("is good again").count(), 1, "{text}");
    assert_eq!(text.matches("a secret changed").count(), 1, "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_loop_follows_the_file_and_ends_at_shutdown() {
    let folder = Folder::new();
    let secret = LiveSecret::from_file(&folder.write("token", "one")).unwrap();
    let tasks = Tasks::new();
    watch(&tasks, vec![("ghl.token", secret.clone())], Duration::from_secs(10));
    folder.write("token", "two");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(secret.get().expose(), "two");
    assert!(tasks.shut_down(Duration::from_secs(1)).await);
}
