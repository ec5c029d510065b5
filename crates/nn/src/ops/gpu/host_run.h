typedef void Kernel(const float *, const float *, const float *, const float *, const float *, const float *,
                    const float *, float *, float *, Parameters);

// Runs a kernel in `blocks` blocks.
extern "C" void host_run(Kernel *kernel, u32 blocks, const float *const *inputs, float *const *outputs,
                         const Parameters *parameters) {
    std::barrier<> barrier(THREADS);
    together = &barrier;
    blockDim.x = THREADS;
    gridDim.x = blocks;
    auto run = [&](u32 thread) {
        threadIdx.x = thread;
        for (u32 block = 0; block < blocks; block++) {
            blockIdx.x = block;
            kernel(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5], inputs[6], outputs[0], outputs[1],
                   *parameters);
            // What threads of a block share is used again by the next block.
            barrier.arrive_and_wait();
        }
    };
    std::vector<std::thread> threads;
    for (u32 thread = 0; thread < THREADS; thread++) threads.emplace_back(run, thread);
    for (auto &thread : threads) thread.join();
}

extern "C" u32 host_parameters_size() { return sizeof(Parameters); }
