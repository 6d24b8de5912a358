//! E-mail addresses, and which of them are accounts of services.

/// Returns whether `text` contains an e-mail address.
pub(crate) fn holds_email(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| is_email(text, at))
}

/// Returns whether `text` contains an e-mail address that can be a person's.
pub(super) fn holds_personal_email(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| is_email(text, at) && !is_service(&text[..at], &text[at + 1..]))
}

fn is_email(text: &str, at: usize) -> bool {
    let local = text[..at].chars().next_back();
    local.is_some_and(|c| c.is_alphanumeric() || "_-+\"".contains(c)) && is_mail_domain(&text[at + 1..])
}

/// Domains below which a cloud names the accounts of programs.
const SERVICE_DOMAINS: [&str; 3] = ["gserviceaccount.com", "serviceaccount.local", "bots.noreply.github.com"];
/// What the part before the `@` begins with if it names a program.
const SERVICE_PREFIXES: [&str; 5] = ["svc-", "svc_", "service-account", "noreply", "no-reply"];

/// Returns whether an address is the account of a program: `meter@acme.iam.gserviceaccount.com`, `svc-backup@example.com`.
fn is_service(before: &str, after: &str) -> bool {
    let belongs = |c: char| c.is_alphanumeric() || "-._+".contains(c);
    let local = before.rsplit(|c| !belongs(c)).next().unwrap_or_default().to_ascii_lowercase();
    let domain =
        after.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.')).next().unwrap_or_default();
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let is_below =
        |parent: &str| domain.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    SERVICE_DOMAINS.iter().any(|parent| is_below(parent))
        || SERVICE_PREFIXES.iter().any(|prefix| local.starts_with(prefix))
}

/// Returns whether `text` begins with a domain name of two labels or more, the last of which begins with letters.
fn is_mail_domain(text: &str) -> bool {
    let belongs = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let domain = text.split(|c| !belongs(c)).next().unwrap_or_default().trim_end_matches(['.', '-']);
    let Some((host, top)) = domain.rsplit_once('.') else { return false };
    // A word may be appended to it, as in `example.com-old`.
    let word = top.split('-').next().unwrap_or_default();
    let is_top = word == "xn" || (word.chars().count() >= 2 && word.chars().all(char::is_alphabetic));
    is_top && !is_version(host) && host.split('.').all(|label| !label.is_empty())
}

/// Returns whether the part before the top level is a pixel density or a version: `logo@2x.png`, `lodash@4.17.js`. A single
/// number can be a domain, as in `163.com`.
fn is_version(host: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    host.strip_suffix('x').is_some_and(is_number) || (host.contains('.') && host.split('.').all(is_number))
}
