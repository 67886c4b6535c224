# For machines that are connected by Ethernet. Source it before launch/hosts or launch/slurm, with the network interface:
#   source cluster/network/ethernet.sh eth0
# The variables of Open MPI ran between two hosts of tests/cluster. Those of NCCL were only written: this version of gm
# computes on CPUs, where ranks talk through MPI alone.
# shellcheck shell=bash
: "${1:?give the network interface, as in: source cluster/network/ethernet.sh eth0}"

# Messages go through Open MPI itself and not through UCX, which is made for InfiniBand and RoCE.
export OMPI_MCA_pml=ob1
# Ranks of one machine use shared memory (vader), those of different machines TCP.
export OMPI_MCA_btl=self,vader,tcp
# The interface of the messages between ranks. Otherwise Open MPI tries all, also those of containers and virtual machines.
export OMPI_MCA_btl_tcp_if_include=$1
# The interface on which mpirun talks to its daemons on the other machines.
export OMPI_MCA_oob_tcp_if_include=$1

# The interface of NCCL. The sign = stands for exactly this name. Otherwise it would be the beginning of a name.
export NCCL_SOCKET_IFNAME="=$1"
# NCCL uses no InfiniBand or RoCE, even if it finds some.
export NCCL_IB_DISABLE=1
# NCCL explains what goes wrong. INFO prints more, such as the chosen network.
export NCCL_DEBUG=WARN
