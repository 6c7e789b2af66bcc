//! Keys whose private halves are printed for everybody to copy: in standards, and as examples on sites that many learn from.
//! Whoever certifies one certifies everybody.

/// SHA-256 over the SubjectPublicKeyInfo, and where the private half stands. The numbers are in `known_keys/published.jsonl`,
/// where a test recomputes this table and holds each pair together.
const PUBLISHED: [(&str, &str); 29] = [
    ("66afe53bf388017442fd78ed31c79805b72a398a6f703571757d6ec5f44de682", "RFC 4754, section 8.1"),
    ("9479b97ab02fa43cc547fb432c628f0b3cd53abe097cf6b22cfd7a5e4887590a", "RFC 4754, section 8.2"),
    ("5a7a78cca4a0f420d9bc62bb669c3c2759e39f723d3ae10dcbe0f0815a07ecd4", "RFC 6979, appendix A.2.5"),
    ("2f95601fa82060b909bfc6b979dbd303d34d34e0afb27ea496beac362f242a4b", "RFC 6979, appendix A.2.6"),
    ("6fd13c2435a361e7c588cd17f55f5ad3df0177a66c1727a6a200845f4d7ab88c", "RFC 7515, appendix A.2"),
    ("2bd1bb0c44a897c30a7aa0991cde38d8062fe441de50da0f46825344f602e827", "RFC 7515, appendix A.3"),
    ("bf0a7a74f9afb6edda89ebabe824241bfdb281db2da50daae9973c6cbe99fe95", "RFC 7516, appendix A.1"),
    ("c1de70b4f5ae92a53b86f6a7175e3b9b88b2f810d55aba53aca334c59fc2ea60", "RFC 7516, appendix A.2"),
    ("51b944cdfa544d4c3273aa6bf350625a7dd53bbb6a71723274f538b19a207760", "RFC 7517, appendix A.2, the EC key"),
    ("ad32320cf6c596d884b05381ba573aba8ddd5749b4de8f4a23a79f9a89ddaeb2", "RFC 7517, appendix A.2, the RSA key"),
    ("a4109e6bac8043ec089a57064aeb14d0b5fd5025b95810541c52a168aa565344", "RFC 7517, appendix C.1"),
    ("36ada7a1c77e32830848b347126d4da6de59f1c30536c53750dc9ec8931349fb", "RFC 7518, appendix C, the key of Alice"),
    ("19818232a1dd313f53b5d5b95ae3d32570e178ba58d6d5906989fc299b00e32f", "RFC 7518, appendix C, the key of Bob"),
    ("627771f25da426d1f9ae315e42106d700b1529850eee1592acf39603959d795d", "RFC 7520, section 3.4"),
    ("229cabb741449d91d703195d4d69814fdcae96bf2f58960ae2711cedd61e3514", "RFC 7520, section 5.1.1"),
    ("c8579d8d878fb8eab2a6f1e714c92118b9960e1478ed906496255ed405db1636", "RFC 7520, section 5.2.1"),
    ("1b50d9a1d7f6619f0362fe9382506259cb44afdd1dc3083c927cab36f2ebf79b", "RFC 7520, section 5.4.1"),
    ("eb28a65877d2b84b92a6a9b5fd762a45e50665933d97fc0c724e70a161f2031a", "RFC 7520, section 5.5.1"),
    ("c73eecd318bd3813f2402a660d8a90010ca35d609d19377d5ee7af200713229f", "RFC 9421, appendix B.1.1, test-key-rsa"),
    ("72859cbaf21a0b398b1f25712bbed148b1d85a0c6b824176eb306405caa6f0b2", "RFC 9421, appendix B.1.2, test-key-rsa-pss"),
    ("55f96361b78cbb84f1fc604b0718e82bd91abb46d8fc25ae871b35fbbf8b7974", "RFC 9421, appendix B.1.3, test-key-ecc-p256"),
    ("8fb6bad671cfe698393c453357da61b56d757ab8c0f3fb9c87f2849e63131878", "RFC 9500, section 2.1, testRSA2048"),
    ("96465ea5dc9bb2da7b351d808a7196e5761f2412a5040131c68d719aaba28fb9", "RFC 9500, section 2.1, testRSA4096"),
    ("b2b04340cfaee616ec9c2c62d261b208e54bb197498df52e8cadede23ac0ba5e", "RFC 9500, section 2.3, testECCP256"),
    ("c4c10105a0be0ed4dd3354428dc38a9bfee64da141ce16e75c94eda272f9dd3a", "RFC 9500, section 2.3, testECCP384"),
    ("a40f0f2e2974dc76a82df6ffe08ed0d79955c79e7ad0c20d97ae8f9246ade1c1", "the example for ES256 at jwt.io"),
    ("302e26c098cfde2db131e9a3b12ce4c41bbdb0c21e19fdaa4a44273664bc581e", "the example for ES384 at jwt.io"),
    ("f56c8b01227f62ddbc16eb29a6ac0b310e276760a5e06302fa881a35146f6bc7", "the example for RS256 at jwt.io"),
    ("37c2309b6c001277c1b3f534d48489b0d5ff9b1d82f1447b66b6d3a0a59d88b0", "the example for RS256 at jwt.io, the older one"),
];

/// Where the private half of the key of this digest is printed, if it is.
pub(super) fn printed_in(digest: &[u8; 32]) -> Option<&'static str> {
    let digest = crate::text::hex(digest);
    PUBLISHED.iter().find(|(published, _)| *published == digest).map(|(_, place)| *place)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use openssl::bn::{BigNum, BigNumContext};
    use openssl::ec::{EcGroup, EcPoint};
    use openssl::nid::Nid;
    use serde::Deserialize;

    use super::*;
    use crate::csr::check_key;
    use crate::jwk::{KeyNumbers, PublicJwk};

    /// A key as it is printed: the public numbers, and as much of the private ones as gives the rest away.
    #[derive(Deserialize)]
    struct Printed {
        source: String,
        #[serde(flatten)]
        public: KeyNumbers,
        /// The private number of an elliptic-curve key.
        d: Option<String>,
        /// One of the two primes of an RSA key.
        p: Option<String>,
    }

    fn number(text: &str) -> BigNum {
        BigNum::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }

    impl Printed {
        fn all() -> Vec<Self> {
            include_str!("known_keys/published.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }

        /// Whether the private number is that of the public ones.
        fn is_a_pair(&self) -> bool {
            let mut context = BigNumContext::new().unwrap();
            match &self.public {
                KeyNumbers::Ec { crv, x, y } => {
                    let curve = if crv == "P-256" { Nid::X9_62_PRIME256V1 } else { Nid::SECP384R1 };
                    let group = EcGroup::from_curve_name(curve).unwrap();
                    let mut point = EcPoint::new(&group).unwrap();
                    point.mul_generator2(&group, &number(self.d.as_ref().unwrap()), &mut context).unwrap();
                    let (mut ours, mut other) = (BigNum::new().unwrap(), BigNum::new().unwrap());
                    point.affine_coordinates(&group, &mut ours, &mut other, &mut context).unwrap();
                    (ours, other) == (number(x), number(y))
                }
                KeyNumbers::Rsa { n, .. } => {
                    let (modulus, prime) = (number(n), number(self.p.as_ref().unwrap()));
                    let (mut other, mut rest) = (BigNum::new().unwrap(), BigNum::new().unwrap());
                    other.div_rem(&mut rest, &modulus, &prime, &mut context).unwrap();
                    let is_prime = |number: &BigNum, context: &mut BigNumContext| number.is_prime(16, context).unwrap();
                    rest.num_bits() == 0 && is_prime(&prime, &mut context) && is_prime(&other, &mut context)
                }
                KeyNumbers::Okp { .. } => false,
            }
        }
    }

    #[test]
    fn the_table_is_that_of_the_printed_numbers() {
        let digest = |printed: &Printed| {
            let jwk = PublicJwk { numbers: printed.public.clone(), usage: None, alg: None, kid: None };
            crate::text::hex(&jwk.to_public_key().unwrap().spki_digest())
        };
        let computed: Vec<(String, String)> = Printed::all().into_iter().map(|each| (digest(&each), each.source)).collect();
        let table: Vec<(String, String)> = PUBLISHED.iter().map(|(digest, place)| ((*digest).into(), (*place).into())).collect();
        assert_eq!(computed, table);
    }

    #[test]
    fn the_printed_numbers_are_pairs() {
        for printed in Printed::all() {
            assert!(printed.is_a_pair(), "{}", printed.source);
        }
    }

    #[test]
    fn each_is_refused_by_name_of_its_place_and_for_nothing_else() {
        for printed in Printed::all() {
            let jwk = PublicJwk { numbers: printed.public, usage: None, alg: None, kid: None };
            let refusal = check_key(&jwk.to_public_key().unwrap()).unwrap_err();
            assert_eq!(refusal.code, "csr.key-blocked", "{}", printed.source);
            assert!(refusal.message.ends_with(&printed.source), "{refusal}");
        }
    }
}
