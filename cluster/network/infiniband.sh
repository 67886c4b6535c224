# For machines that are connected by InfiniBand. Only written: no such network was available. Source it before launch/hosts
# or launch/slurm, with the adapter (ibstat lists them) and the interface of IP over InfiniBand:
#   source cluster/network/infiniband.sh mlx5_0 ib0
# shellcheck shell=bash
: "${2:?give adapter and interface, as in: source cluster/network/infiniband.sh mlx5_0 ib0}"

# Messages go through UCX, which uses remote direct memory access (RDMA).
export OMPI_MCA_pml=ucx
# Without ^openib, Open MPI warns that its older component for InfiniBand does not know the adapter.
export OMPI_MCA_btl=^openib
# The adapter and its port.
export UCX_NET_DEVICES=$1:1
# RDMA with reliable connections (rc) between machines, shared memory (sm) within one. TCP is not used silently instead.
export UCX_TLS=rc,sm,self
# The interface on which mpirun talks to its daemons. They use TCP in any case.
export OMPI_MCA_oob_tcp_if_include=$2

# The adapter of NCCL. The sign = stands for exactly this name.
export NCCL_IB_HCA="=$1"
# The interface on which the ranks of NCCL find each other.
export NCCL_SOCKET_IFNAME="=$2"
# The adapter reads the memory of a GPU directly if both are on the same processor.
export NCCL_NET_GDR_LEVEL=PHB
# NCCL explains what goes wrong. INFO prints more, such as the chosen network.
export NCCL_DEBUG=WARN
