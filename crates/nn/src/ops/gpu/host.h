// Tests of the kernels on the CPU: what CUDA gives them, as plain C++20. Blocks run one after the other, the threads
// of a block at the same time.
#include <barrier>
#include <cmath>
#include <thread>
#include <vector>

#define __global__
#define __device__
#define __shared__ static

struct Index {
    unsigned int x;
};
static thread_local Index threadIdx, blockIdx;
static Index blockDim, gridDim;
static std::barrier<> *together;
static inline void __syncthreads() { together->arrive_and_wait(); }
