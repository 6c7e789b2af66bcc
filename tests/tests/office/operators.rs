//! Operators come in, and are shut out.

use api::Role;
use api::operator::{DisableOperator, WhoAmI};
use tests::both_engines;

both_engines! {
    async fn an_operator_who_is_disabled_is_refused_at_the_next_request(world: &World) {
        let agent = world.operator("agent-7", &[Role::HotlineAgent]).await;
        assert_eq!(agent.call(&WhoAmI {}).await.unwrap().operator.as_str(), "agent-7");

        world.first().call(&DisableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();

        let problem = agent.call(&WhoAmI {}).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (403, "auth.operator-disabled"));
    }
}
