//! The client against a listener of certificates made by `pki`: what is sent, and what each way of failing is told as.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod trust;
