//! Real TLS: who gets through the handshake, and what a connection that stands is worth.

use std::time::Duration;

use api::instance::CheckInstance;
use api::operator::{AddOperator, DisableOperator, WhoAmI};
use api::{Exit, Role};
use client::{CallOptions, ClientError, Connection, Context, TlsFault};
use domain::Environment;
use tests::under_way::{UnderWay, nobody_listens};
use tests::world::desk::Badge;
use tests::{Engine, Setup, World, both_engines};

async fn whoami(connection: &Connection) -> Result<String, ClientError> {
    Ok(connection.call(&WhoAmI {}, &CallOptions::default()).await?.reply.operator.to_string())
}

fn connection(context: &std::path::Path) -> Connection {
    Connection::open(&Context::read(context).unwrap()).unwrap()
}

fn fault(error: &ClientError) -> TlsFault {
    match error {
        ClientError::Tls { fault, .. } => *fault,
        other => unreachable!("no fault of TLS: {other:?}"),
    }
}

/// The root certificate of a world.
fn ca(world: &World) -> Vec<u8> {
    std::fs::read(world.data_dir.join("first-operator/ca.crt")).unwrap()
}

/// Another instance, whose people and servers are strangers here.
async fn elsewhere(environment: Environment) -> World {
    World::new(Engine::Sqlite, Setup { environment, ..Setup::today() }.of_its_own()).await
}

both_engines! {
    from Setup::today();

    async fn an_operator_calls_over_mutual_tls(world: &World) {
        let node = world.serves().await;
        let first = world.connects(&node, "first-operator");
        assert_eq!(whoami(&first).await.unwrap(), "first-operator");
        let add = AddOperator { id: "agent-7".parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::HotlineAgent] };
        let options = CallOptions { idempotency_key: Some("over-the-wire-1".into()), ..CallOptions::default() };
        let added = first.call(&add, &options).await.unwrap();
        assert!(!added.replayed && added.request_id.is_some());
        assert!(first.call(&add, &options).await.unwrap().replayed);
        world.enrols("agent-7", &added.reply.code.unwrap()).await;
        assert_eq!(whoami(&world.connects(&node, "agent-7")).await.unwrap(), "agent-7");
        node.stops().await;
    }

    async fn the_open_connection_of_a_disabled_operator_is_refused_at_its_next_request(world: &World) {
        world.operator("agent-7", &[Role::HotlineAgent]).await;
        let node = world.serves().await;
        let agent = world.connects(&node, "agent-7");
        whoami(&agent).await.unwrap();
        world.first().call(&DisableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        let error = whoami(&agent).await.unwrap_err();
        let ClientError::Problem(problem) = &error else { unreachable!("{error:?}") };
        assert_eq!((problem.status, problem.code.as_str()), (403, "auth.operator-disabled"));
        node.stops().await;
    }

    async fn without_a_certificate_there_is_the_enrolment_and_nothing_else(world: &World) {
        let node = world.serves().await;
        let server = format!("https://{}", node.addresses.admin);
        let stranger = Connection::without_certificate(&server, &ca(world)).unwrap();
        let error = whoami(&stranger).await.unwrap_err();
        assert_eq!(error.exit(), Exit::NotAuthenticated, "{error:?}");

        let add = AddOperator { id: "agent-7".parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::HotlineAgent] };
        let code = world.first().call(&add).await.unwrap().code.unwrap();
        let key = pki::PrivateKey::generate(pki::KeyKind::P256).unwrap();
        let enrol = api::enrol::Enrol { code, csr: pki::make_csr(&key, "agent-7").unwrap() };
        let enrolled = client::enrol::enrol(&server, &ca(world), &enrol, Duration::from_secs(10)).await.unwrap();
        assert_eq!((enrolled.operator.as_str(), &enrolled.instance), ("agent-7", &world.app.instance));
        node.stops().await;
    }

    async fn an_expired_certificate_fails_the_handshake(world: &World) {
        let node = world.serves().await;
        let not_after = world.badge("first-operator").peer.0.unwrap().not_after;
        whoami(&world.connects(&node, "first-operator")).await.unwrap();
        world.clock.set(not_after.plus(Duration::from_secs(1)));
        let error = whoami(&world.connects(&node, "first-operator")).await.unwrap_err();
        assert!(matches!(fault(&error), TlsFault::Expired | TlsFault::Refused), "{error:?}");
        assert_eq!(error.exit(), Exit::NotAuthenticated);
        node.stops().await;
    }

    async fn a_connection_does_not_outlive_its_certificate(world: &World) {
        let node = world.serves().await;
        let standing = world.connects(&node, "first-operator");
        whoami(&standing).await.unwrap();
        world.clock.set(world.badge("first-operator").peer.0.unwrap().not_after.plus(Duration::from_secs(1)));
        let error = whoami(&standing).await.unwrap_err();
        assert_eq!(error.exit(), Exit::NotAuthenticated, "{error:?}");
        node.stops().await;
    }

    async fn an_operator_of_another_instance_fails_the_handshake(world: &World) {
        let node = world.serves().await;
        for environment in [Environment::Sandbox, Environment::Production] {
            let other = elsewhere(environment).await;
            let context = world.context_of(&format!("https://{}", node.addresses.admin), &other.badge("first-operator"), &ca(world));
            let error = whoami(&connection(&context)).await.unwrap_err();
            assert!(matches!(fault(&error), TlsFault::Foreign | TlsFault::Refused), "{environment}: {error:?}");
            assert_eq!(error.exit(), Exit::NotAuthenticated);
            // Written down by the node's own task, after the stranger has heard.
            let shown = server::keys::hex(&other.badge("first-operator").peer.0.unwrap().fingerprint);
            let leaf = loop {
                if let Some(leaf) = world.leaves().await.into_iter().find(|leaf| leaf["subject"] == shown) {
                    break leaf;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            assert_eq!((leaf["action"].as_str(), leaf["outcome"].as_str()), (Some("operator.connect"), Some("refused")));
            assert_eq!((leaf["facts"]["code"].as_str(), leaf["facts"]["environment"].as_str()),
                (Some("tls.certificate-foreign"), Some(environment.to_string().as_str())), "{leaf}");
            other.close().await;
        }
        node.stops().await;
    }

    async fn a_server_certificate_shown_by_a_client_fails_the_handshake(world: &World) {
        let node = world.serves().await;
        // Of the same root, but not of the authority for operators.
        let mut read = world.app.store.read().await.unwrap();
        let row = read.active_key(domain::KeyPurpose::IssuingCa, server::keys::SERVERS).await.unwrap().unwrap();
        let authority = world.app.keys.authority(&row).unwrap();
        drop(read);
        let key = pki::PrivateKey::generate(pki::KeyKind::P256).unwrap();
        let hosts = ["localhost".to_owned()];
        let now = domain::Clock::now(&*world.clock);
        let certificate = authority.plan_server(&hosts, &[], &key.public().unwrap(), None, now).and_then(|planned| authority.sign(&planned)).unwrap();
        let badge = Badge {
            operator: "first-operator".into(),
            chain: format!("{}{}", certificate.pem().unwrap(), authority.certificate().pem().unwrap()),
            key: pki::envelope::private_key_to_pem(&key).unwrap().to_string(),
            peer: tests::world::desk::peer_of(&certificate),
        };
        let context = world.context_of(&format!("https://{}", node.addresses.admin), &badge, &ca(world));
        let error = whoami(&connection(&context)).await.unwrap_err();
        assert_eq!(error.exit(), Exit::NotAuthenticated, "{error:?}");
        node.stops().await;
    }

    async fn a_certificate_of_our_authority_that_is_not_on_record_is_nobodys(world: &World) {
        let node = world.serves().await;
        world.operator("agent-7", &[Role::Auditor]).await;
        world.execute("DELETE FROM certificate WHERE holder_kind = 'operator' AND holder = 'agent-7'").await;
        let error = whoami(&world.connects(&node, "agent-7")).await.unwrap_err();
        let ClientError::Problem(problem) = &error else { unreachable!("{error:?}") };
        assert_eq!((problem.status, problem.code.as_str()), (401, "auth.certificate-unknown"));

        world.operator("agent-8", &[Role::Auditor]).await;
        world.execute("UPDATE certificate SET state = 'revoked', revoked_at = 1, revoked_reason = 'superseded' WHERE holder = 'agent-8'").await;
        let error = whoami(&world.connects(&node, "agent-8")).await.unwrap_err();
        let ClientError::Problem(problem) = &error else { unreachable!("{error:?}") };
        assert_eq!((problem.status, problem.code.as_str()), (401, "auth.certificate-revoked"));
        node.stops().await;
    }

    async fn a_client_with_the_wrong_ca_sends_nothing(world: &World) {
        let node = world.serves().await;
        let other = elsewhere(Environment::Sandbox).await;
        let context = world.context_of(&format!("https://{}", node.addresses.admin), &world.badge("first-operator"), &ca(&other));
        let before = world.leaves().await.len();
        let error = whoami(&connection(&context)).await.unwrap_err();
        assert_eq!((fault(&error), error.exit()), (TlsFault::WrongCa, Exit::NotAuthenticated), "{error:?}");
        assert_eq!(world.leaves().await.len(), before);
        other.close().await;
        node.stops().await;
    }

    async fn the_admin_listener_speaks_tls_1_3_alone(world: &World) {
        let node = world.serves().await;
        for (address, version, comes_about) in [
            (node.addresses.admin, openssl::ssl::SslVersion::TLS1_2, false),
            (node.addresses.admin, openssl::ssl::SslVersion::TLS1_3, true),
            (node.addresses.public, openssl::ssl::SslVersion::TLS1_2, true),
            (node.addresses.public, openssl::ssl::SslVersion::TLS1_1, false),
        ] {
            let root = openssl::x509::X509::from_pem(&ca(world)).unwrap();
            let shaken = tokio::task::spawn_blocking(move || {
                let mut builder = openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls()).unwrap();
                builder.set_max_proto_version(Some(version)).unwrap();
                builder.cert_store_mut().add_cert(root).unwrap();
                let stream = std::net::TcpStream::connect(address).unwrap();
                builder.build().connect("localhost", stream).is_ok()
            });
            assert_eq!(shaken.await.unwrap(), comes_about, "{address} {version:?}");
        }
        node.stops().await;
    }

    async fn a_connection_that_says_nothing_does_not_hold_up_another(world: &World) {
        let node = world.serves().await;
        let silent: Vec<_> = (0..50).map(|_| std::net::TcpStream::connect(node.addresses.admin).unwrap()).collect();
        whoami(&world.connects(&node, "first-operator")).await.unwrap();
        drop(silent);
        node.stops().await;
    }

    async fn an_agents_connection_is_refused_on_the_public_listener(world: &World) {
        let node = world.serves().await;
        let context = world.context_of(&format!("https://{}", node.addresses.public), &world.badge("first-operator"), &ca(world));
        let error = whoami(&connection(&context)).await.unwrap_err();
        assert!(matches!(fault(&error), TlsFault::Foreign | TlsFault::Refused), "{error:?}");
        assert_eq!(error.exit(), Exit::NotAuthenticated);
        node.stops().await;
    }

    async fn a_node_that_stops_lets_its_requests_finish_and_takes_no_new_ones(world: &World) {
        let node = world.serves().await;
        let connection = world.connects(&node, "first-operator");
        whoami(&connection).await.unwrap();
        let (context, address) = (world.context(&node, "first-operator"), node.addresses.admin);
        let rotate = r#"{"purpose":"token-signing"}"#;
        let begins = tokio::task::spawn_blocking(move || UnderWay::begins(&context, "key.rotate", "under-way-1", rotate));
        let under_way = begins.await.unwrap();
        node.is_asked_to_stop();
        tokio::task::spawn_blocking(move || nobody_listens(address)).await.unwrap();
        let error = whoami(&connection).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unavailable, "a connection that stood takes no new request: {error:?}");

        let (status, reply) = tokio::task::spawn_blocking(|| under_way.ends()).await.unwrap();
        node.stops().await;
        assert_eq!((status, reply.as_array().map(Vec::len)), (200, Some(2)), "{reply}");
        assert_eq!(world.audited("key.rotate").await.len(), 1);
    }

    async fn housekeeping_seals_what_was_done_by_itself(world: &World) {
        let node = world.serves().await;
        let connection = world.connects(&node, "first-operator");
        let add = AddOperator { id: "agent-7".parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::HotlineAgent] };
        connection.call(&add, &CallOptions::default()).await.unwrap();
        while world.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL").await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(connection.call(&CheckInstance {}, &CallOptions::default()).await.unwrap().reply.iter().all(|check| check.ok));
        node.stops().await;
    }
}
