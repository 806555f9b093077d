//! The listeners over a node in memory: real requests in, the real registry behind.

#[cfg(test)]
mod grpc;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod support;

#[cfg(test)]
mod connections;
#[cfg(test)]
mod grpc_services;
#[cfg(test)]
mod grpc_traffic;
#[cfg(test)]
mod large_mail;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod rest_admission;
#[cfg(test)]
mod rest_callbacks;
#[cfg(test)]
mod rest_operations;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod tls;
