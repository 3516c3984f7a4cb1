//! Words that have no place in the repository: it speaks of itself alone.

use crate::tree::{Finding, TextFile};

/// Written by a tool, which puts its own words in.
const GENERATED: [&str; 1] = ["Cargo.lock"];

/// Folders that only one machine has, as parts of an absolute path.
const MACHINE_FOLDERS: [&[&str]; 5] =
    [&["work"], &["root"], &["home"], &["var", "tmp", "wt"], &["var", "tmp", "target-"]];

/// [`digest`]s of words, so that the words themselves do not stand here: tools somebody writes code
/// with, and hosts of package registries (a package is called by its name alone).
const BANNED: [u64; 16] = [
    0x2391_9480_3edf_98f7,
    0x2524_b426_1996_11b3,
    0x7f7a_7547_86a6_64b8,
    0x8a1b_8f4a_0a91_3503,
    0xa113_d274_5d70_6ce3,
    0x2ffb_778d_fae5_4384,
    0x04dc_2554_6038_2976,
    0x74c5_77e3_2a68_8e34,
    0xe62a_931b_b025_3362,
    0x0702_bf46_1365_8751,
    0xde35_e608_c3c2_ca95,
    0xac8e_eaaf_e9bf_3348,
    0x9924_60a6_9dc4_9529,
    0x74c1_c6a6_88ab_3cce,
    0xc550_f37d_20f6_ca83,
    0x30a9_54bf_56ad_edf8,
];

/// FNV-1a of 64 bits.
fn digest(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// No file names a folder of one machine, a tool of one workplace, or a package registry's host.
pub fn banned_words(texts: &[TextFile], banned: &[u64]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in texts.iter().filter(|file| !GENERATED.contains(&file.path.as_str())) {
        for (line, text) in file.numbered_lines() {
            if let Some(folder) = machine_folder(text) {
                let rule = format!("names a folder of one machine ({folder})");
                findings.push(Finding::at(&file.path, line, rule));
            }
            if let Some(word) = banned_word(text, banned) {
                let rule = format!("the word `{word}` has no place here");
                findings.push(Finding::at(&file.path, line, rule));
            }
        }
    }
    findings
}

fn machine_folder(line: &str) -> Option<String> {
    MACHINE_FOLDERS.iter().find_map(|parts| {
        let mut folder = format!("/{}", parts.join("/"));
        if !folder.ends_with('-') {
            folder.push('/');
        }
        let starts_path = |at: usize| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "._-/:>}*)".contains(c))
        };
        line.match_indices(&folder).any(|(at, _)| starts_path(at)).then_some(folder)
    })
}

fn banned_word(line: &str, banned: &[u64]) -> Option<String> {
    let lower = line.to_lowercase();
    let is_banned = |word: &str| banned.contains(&digest(word));
    let plain = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let compound = lower.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'));
    let compound = compound.flat_map(|word| {
        let word = word.trim_matches(['.', '-']);
        // A host under the host is the host too.
        let tails = word.match_indices('.').map(move |(at, _)| &word[at + 1..]);
        std::iter::once(word).chain(tails)
    });
    plain.chain(compound).find(|word| is_banned(word)).map(str::to_owned)
}

mod tests {
    use super::{BANNED, banned_words, digest};
    use crate::tree::{TextFile, Tree, check_finds, hold};

    #[test]
    fn the_repository_speaks_of_itself_alone() {
        hold(banned_words(&Tree::of_repository().texts, &BANNED));
    }

    #[test]
    fn a_banned_word_or_a_machines_folder_is_found() {
        let banned = [digest("robot"), digest("packages.example"), digest("make-tree")];
        let folder = ["/wo", "rk/shared"].concat();
        let text = format!(
            "The Robot wrote this.\nrobots may not\nget it at https://eu.packages.example/x\n\
             run make-tree first\nsee {folder}\nsee example.com{folder}\n"
        );
        let lock = "source = \"https://packages.example\"\n";
        let texts = [TextFile::planted("docs/A.md", &text), TextFile::planted("Cargo.lock", lock)];
        check_finds(
            banned_words(&texts, &banned),
            &[
                "docs/A.md:1: the word `robot` has no place here",
                "docs/A.md:3: the word `packages.example` has no place here",
                "docs/A.md:4: the word `make-tree` has no place here",
                &["docs/A.md:5: names a folder of one machine (/wo", "rk/)"].concat(),
            ],
        );
    }
}
