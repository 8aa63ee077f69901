//! Which controls of which frameworks a pack shows something of, and what it does not show. Named by
//! number and in words of our own; what a framework asks for is said by the framework.

use serde::Serialize;
use std::fmt::Write as _;

/// One control.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Control {
    pub(crate) framework: &'static str,
    pub(crate) control: &'static str,
    /// What it is about.
    pub(crate) about: &'static str,
    /// What of the pack shows it, with the files.
    pub(crate) shown: &'static str,
    pub(crate) files: &'static [&'static str],
    /// What is to be shown by other means.
    pub(crate) not_shown: &'static str,
}

/// The mapping.
pub(crate) const CONTROLS: [Control; 9] = [
    Control {
        framework: "SOC 2 (2017, revised points of focus 2022)",
        control: "CC6.2",
        about: "access is registered and authorised, reviewed periodically, and removed when it is no longer authorised",
        shown: "every grant in scope was reviewed by a named person other than its holder; what was to be removed was removed, with the time that took",
        files: &["population.csv", "decisions.csv", "remediation.csv"],
        not_shown: "how people are registered in the identity provider, and leavers outside of the campaign's window",
    },
    Control {
        framework: "SOC 2 (2017, revised points of focus 2022)",
        control: "CC6.3",
        about: "access is authorised, changed and removed by role, with least privilege and segregation of duties",
        shown: "unused access was recommended for removal or narrowing, decisions against that have reasons, and nobody decided on their own access",
        files: &["decisions.csv", "against_recommendation.csv", "remediation.csv"],
        not_shown: "whether the roles of the company are cut well, and rights inside of the target systems",
    },
    Control {
        framework: "ISO/IEC 27001:2022",
        control: "A.5.18",
        about: "access rights are provisioned, reviewed, modified and removed",
        shown: "review, modification and removal, with who, when and why; grants made in the window are listed",
        files: &["decisions.csv", "remediation.csv", "made_meanwhile.csv"],
        not_shown: "provisioning before the window: each grant's making stands in the ledger",
    },
    Control {
        framework: "PCI DSS 4.0.1",
        control: "7.2.4",
        about: "user accounts and their access are reviewed at least every six months, and management acknowledges that access remains appropriate",
        shown: "the population with its date, the outcome for each grant, and the owner's sign-off",
        files: &["population.csv", "decisions.csv", "sign_offs.json"],
        not_shown: "that campaigns run every six months: compare the dates of the packs; accounts that Countersign does not stand before",
    },
    Control {
        framework: "PCI DSS 4.0.1",
        control: "7.2.5.1",
        about: "access of application and system accounts is reviewed periodically, by a targeted risk analysis, and acknowledged by management",
        shown: "agents' grants are items like any others, with their real use beside them; their sponsor alone never certified",
        files: &["decisions.csv", "items.json", "sign_offs.json"],
        not_shown: "the targeted risk analysis that sets how often",
    },
    Control {
        framework: "NIST SP 800-53 Rev. 5",
        control: "AC-2",
        about: "accounts are managed: reviewed for compliance (j), disabled when inactive or no longer needed",
        shown: "reviews with their outcome, and grants that ended because they were unused or because nobody answered",
        files: &["decisions.csv", "remediation.csv", "notices.csv"],
        not_shown: "creation and disabling of accounts in directories",
    },
    Control {
        framework: "NIST SP 800-53 Rev. 5",
        control: "AC-6(7)",
        about: "privileges are reviewed for need, and reassigned or removed",
        shown: "each grant's need was confirmed, narrowed or denied, with the use that was shown to the reviewer",
        files: &["items.json", "decisions.csv", "against_recommendation.csv"],
        not_shown: "privileges outside of the catalog",
    },
    Control {
        framework: "HIPAA Security Rule",
        control: "164.308(a)(3)(ii)(C)",
        about: "access ends when employment ends or is not appropriate any more",
        shown: "grants of holders who had left were recommended for removal, and when they ended",
        files: &["decisions.csv", "remediation.csv"],
        not_shown: "when employment ended: compare with the records of personnel",
    },
    Control {
        framework: "HIPAA Security Rule",
        control: "164.308(a)(4)(ii)(C)",
        about: "rights of access are established, documented, reviewed and modified",
        shown: "documentation, review and modification of each grant in scope",
        files: &["population.csv", "decisions.csv", "remediation.csv"],
        not_shown: "the policy by which access is given first",
    },
];

/// The mapping for people.
pub(crate) fn markdown() -> String {
    let mut text = String::from(
        "# What this pack shows of which control\n\n\
         A help for the auditor, not a judgement: whether a control is met is for the auditor to say.\n\n\
         | framework | control | about | shown here | in | not shown here |\n|---|---|---|---|---|---|\n",
    );
    for it in &CONTROLS {
        let files: Vec<String> = it.files.iter().map(|file| format!("`{file}`")).collect();
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            it.framework,
            it.control,
            it.about,
            it.shown,
            files.join(", "),
            it.not_shown
        );
    }
    text.push_str(
        "\nCompleteness and accuracy of the population: `population.json` has the scope's digest, the \
         policy's number, the counts and the exclusions by reason, and until when calls had been \
         counted. That no entry of the ledger was left out of this pack is shown by verifying the \
         ledger itself (`countersign ledger verify`).\n",
    );
    text
}
