//! `iamctl sandbox populate`.

use std::path::PathBuf;

use api::job::JobView;
use api::sandbox;
use clap::Args;

use crate::failure::Failure;
use crate::files::population;
use crate::job::wait::wait;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Fill a sandbox with a synthetic population and its usage
#[derive(Debug, Args)]
#[command(after_help = "The server does it as a job. This command waits for its end; interrupted, the
job goes on ('iamctl job wait'). The same seed gives the same population.
It begins on a sandbox that has its relying parties and no account yet.

Examples:
  iamctl sandbox populate -f fixtures/population/lcq5.yaml --scale 0.01 --yes
  iamctl sandbox populate -f lcq5.yaml --no-wait --yes -o name")]
pub struct Populate {
    /// The description of the population, or '-' for standard input
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Part of it, above 0 and at most 1
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// What chance begins with; the description's own seed when absent
    #[arg(long)]
    seed: Option<u64>,
    /// Wait for its end, as is done anyway
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Come back as soon as the job is accepted
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
}

impl Verb for Populate {
    type Row = JobView;

    async fn run(self, session: &Session) -> Result<Answer<JobView>, Failure> {
        let population = population::read(self.file).await?;
        session
            .confirm::<sandbox::Populate>(&format!("Fill this instance with a synthetic population at scale {}?", self.scale), "")
            .await?;
        let seed = self.seed.unwrap_or(population.seed);
        let job = session.call(&sandbox::Populate { population, scale: self.scale, seed }).await?;
        if (self.no_wait && !self.wait) || session.flags.dry_run {
            return Ok(Answer::one(job));
        }
        wait(session, job).await
    }
}
