//! Sockets that are listened on.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::{ListenAddress, ServeError};

/// A socket that is listened on. The file of a Unix socket is removed with it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    address: ListenAddress,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection as it was accepted.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Listener {
    pub(crate) async fn bind(address: &ListenAddress) -> Result<Self, ServeError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::InUse { address: address.clone() },
            _ => ServeError::Bind { address: address.clone(), source },
        };
        match address {
            ListenAddress::Tcp(wanted) => {
                let listener = TcpListener::bind(wanted).await.map_err(refused)?;
                let address = ListenAddress::Tcp(listener.local_addr().map_err(refused)?);
                Ok(Self { socket: Socket::Tcp(listener), address })
            }
            #[cfg(unix)]
            ListenAddress::Unix(path) => {
                remove_stale(path, address).await?;
                let listener = UnixListener::bind(path).map_err(refused)?;
                only_for_owner(path).map_err(refused)?;
                Ok(Self { socket: Socket::Unix(listener), address: address.clone() })
            }
            #[cfg(not(unix))]
            ListenAddress::Unix(_) => Err(refused(io::ErrorKind::Unsupported.into())),
        }
    }

    /// Returns the address with the port that was chosen.
    pub(crate) fn address(&self) -> &ListenAddress {
        &self.address
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => {
                listener.accept().await.map(|(stream, peer)| Accepted::Tcp(stream, peer))
            }
            #[cfg(unix)]
            Socket::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let ListenAddress::Unix(path) = &self.address {
            // The next start removes it as well.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Removes the socket of a process that is gone.
#[cfg(unix)]
async fn remove_stale(path: &std::path::Path, address: &ListenAddress) -> Result<(), ServeError> {
    use std::os::unix::fs::FileTypeExt;
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(ServeError::NoSocket { address: address.clone() });
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| ServeError::Bind { address: address.clone(), source })
        }
        _ => Err(ServeError::InUse { address: address.clone() }),
    }
}

#[cfg(unix)]
fn only_for_owner(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
