//! `iamctl operator add`.

use api::Role;
use api::operator::{AddOperator, OperatorAdded};
use clap::Args;
use domain::OperatorId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{ROLES, word};

/// Put a new operator on record and print their one-time enrolment code
#[derive(Debug, Args)]
#[command(after_help = "The code is good for ten minutes and once. Again for the same id: a new code.

Examples:
  iamctl operator add duty-officer-3 --name 'Duty officer 3' \\
    --role hotline-agent
  iamctl operator add keys-1 --name 'Key officer' --role key-officer,auditor")]
pub struct Add {
    /// Their id
    id: OperatorId,
    /// Name or function, as it stands in the certificate
    #[arg(long)]
    name: String,
    /// What they may do; by comma, or again
    #[arg(long = "role", required = true, value_delimiter = ',', value_parser = word::<Role>(ROLES))]
    roles: Vec<Role>,
}

impl Verb for Add {
    type Row = OperatorAdded;

    async fn run(self, session: &Session) -> Result<Answer<OperatorAdded>, Failure> {
        let roles: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
        session.confirm_on_production(&format!("Let {} in as {}?", self.id, roles.join(", "))).await?;
        let added = session.call(&AddOperator { id: self.id, name: self.name, roles: self.roles }).await?;
        let server = session.connection()?.server().to_owned();
        let answer = Answer::one(added);
        Ok(answer.tell(format!("they enrol with: iamctl enrol --server {server} --ca FILE --code -")))
    }
}
