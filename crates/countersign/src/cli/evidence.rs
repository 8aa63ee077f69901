//! Arguments of the commands about evidence of access reviews.

use clap::Subcommand;
use countersign_model::CampaignId;
use std::path::PathBuf;

/// `countersign reviews …`: what is taken away from reviews.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ReviewEvidenceCommand {
    /// Write a campaign's evidence into a file: one archive, the same each time
    Export {
        /// The campaign
        campaign: CampaignId,
        /// The file; what stands there is not overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Draw a random sample of a campaign's items, which the same seed draws again
    Sample {
        /// The campaign
        campaign: CampaignId,
        /// How many items
        #[arg(long, value_name = "N", default_value_t = 25)]
        size: u32,
        /// What the sample is drawn with; note it in your working papers
        #[arg(long, value_name = "TEXT")]
        seed: String,
    },
    /// Numbers of campaigns, reviewers and grants
    Numbers {
        /// Of this campaign only
        #[arg(long, value_name = "CAMPAIGN")]
        campaign: Option<CampaignId>,
    },
}

/// `countersign evidence …`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Check an archive of evidence: its form, its sums, its decisions and the ledger's proofs
    Verify {
        /// The archive
        file: PathBuf,
        /// The key that the log must have, known from elsewhere; more than once for more gateways
        #[arg(long = "vkey", value_name = "KEY")]
        vkeys: Vec<String>,
    },
}
