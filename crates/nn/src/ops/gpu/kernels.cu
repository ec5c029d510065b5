// What a step does between its convolutions, in float32. Images are [n, channels, height, width].
//
// NVRTC compiles this for the card when it is first used; tests compile it as C++ and run it on the CPU, block
// after block, which is why nothing here is particular to a GPU but for what host.h pretends.
//
// Every kernel has the same parameters: up to seven inputs, null where there is none, two outputs, and a struct by
// value, laid out as `Parameters` of launch.rs.

typedef unsigned int u32;
typedef unsigned long long u64;

// Threads of a block, a power of two; also in launch.rs.
#ifndef THREADS
#define THREADS 256
#endif

struct Parameters {
    u64 key, limit;
    u32 count, n, channels, height, width, out_height, out_width;
    u32 window, stride, top, left, adaptive;
    u32 activation, batch;
    float eps, scale;
};

#define KERNEL(name)                                                                                              \
    extern "C" __global__ void name(const float *a, const float *b, const float *c, const float *d,               \
                                    const float *e, const float *f, const float *g, float *out, float *other,     \
                                    Parameters p)

#define EACH(i) for (u32 i = blockIdx.x * blockDim.x + threadIdx.x; i < p.count; i += gridDim.x * blockDim.x)

// Activations: 0 none, 1 relu, 2 relu6.
__device__ inline float activate(float x, u32 activation) {
    if (activation == 0) return x;
    // Written so that what is not a number stays so.
    if (x <= 0.0f) return 0.0f;
    return activation == 2 && x > 6.0f ? 6.0f : x;
}

// The gradient of an activation by its output: 0 at 0 and at 6, as in PyTorch.
__device__ inline float masked(float output, float gradient, u32 activation) {
    if (activation == 0) return gradient;
    return output > 0.0f && (activation == 1 || output < 6.0f) ? gradient : 0.0f;
}

__device__ inline float inverse(float variance, float eps) { return 1.0f / sqrtf(variance + eps); }

// The sum over the threads of a block, for each of them.
__device__ inline float block_sum(float value) {
    __shared__ float parts[THREADS];
    parts[threadIdx.x] = value;
    __syncthreads();
    for (u32 half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    float sum = parts[0];
    __syncthreads();
    return sum;
}

// Mean and biased variance of each channel: out [2, channels] from images a; a block for each channel. Two passes:
// the difference of two large sums would lose small variances.
KERNEL(moments) {
    u32 channel = blockIdx.x, plane = p.height * p.width, numbers = p.n * plane;
    float sum = 0.0f;
    for (u32 i = threadIdx.x; i < numbers; i += THREADS)
        sum += a[(i / plane * p.channels + channel) * plane + i % plane];
    float mean = block_sum(sum) / numbers;
    sum = 0.0f;
    for (u32 i = threadIdx.x; i < numbers; i += THREADS) {
        float off = a[(i / plane * p.channels + channel) * plane + i % plane] - mean;
        sum += off * off;
    }
    float variance = block_sum(sum) / numbers;
    if (threadIdx.x == 0) {
        out[channel] = mean;
        out[p.channels + channel] = variance;
    }
}

// activation((a - b) / sqrt(c + eps) * d + e), with mean b, variance c, weight d and bias e of the channels; without
// mean activation(a + e), without bias too activation(a).
KERNEL(follow) {
    u32 plane = p.height * p.width;
    EACH(i) {
        u32 channel = i / plane % p.channels;
        float x = a[i];
        if (b) x = (x - b[channel]) * inverse(c[channel], p.eps) * d[channel];
        if (e) x += e[channel];
        out[i] = activate(x, p.activation);
    }
}

// Sums over each channel, out [2, channels]: of the gradient g behind the activation whose output is f, and of that
// times the normed input (a, mean b, variance c), where there is one. These are the gradients of bias and weight.
KERNEL(follow_sums) {
    u32 channel = blockIdx.x, plane = p.height * p.width, numbers = p.n * plane;
    float mean = b ? b[channel] : 0.0f, factor = b ? inverse(c[channel], p.eps) : 0.0f;
    float sum = 0.0f, product = 0.0f;
    for (u32 i = threadIdx.x; i < numbers; i += THREADS) {
        u32 at = (i / plane * p.channels + channel) * plane + i % plane;
        float gradient = masked(f[at], g[at], p.activation);
        sum += gradient;
        if (b) product += gradient * (a[at] - mean) * factor;
    }
    sum = block_sum(sum);
    product = block_sum(product);
    if (threadIdx.x == 0) {
        out[channel] = sum;
        out[p.channels + channel] = product;
    }
}

// The gradient of follow's input a: with the stored moments that of a scale; with those of the batch (p.batch) less
// what the mean and the variance give back (Ioffe and Szegedy 2015, section 3), from the sums e of follow_sums.
KERNEL(follow_back) {
    u32 plane = p.height * p.width;
    float numbers = (float)p.n * plane;
    EACH(i) {
        u32 channel = i / plane % p.channels;
        float gradient = masked(f[i], g[i], p.activation);
        if (b) {
            float factor = inverse(c[channel], p.eps);
            if (p.batch) {
                float normed = (a[i] - b[channel]) * factor;
                gradient -= (e[channel] + normed * e[p.channels + channel]) / numbers;
            }
            gradient *= d[channel] * factor;
        }
        out[i] = gradient;
    }
}

// activation(a + scale * b).
KERNEL(residual) {
    EACH(i) out[i] = activate(a[i] + p.scale * b[i], p.activation);
}

// Rows or columns of window `at`, cut to the image.
struct Cell {
    u32 first, end;
};

__device__ inline Cell cell(u32 at, u32 size, u32 cells, u32 before, const Parameters &p) {
    Cell found;
    if (p.adaptive) {
        found.first = at * size / cells;
        found.end = ((at + 1) * size + cells - 1) / cells;
        return found;
    }
    u32 first = at * p.stride, end = first + p.window;
    found.first = first > before ? first - before : 0;
    found.end = end > before ? end - before : 0;
    if (found.first > size) found.first = size;
    if (found.end > size) found.end = size;
    return found;
}

// The windows that the row or column `at` can lie in: from first up to end, of which some may miss it.
__device__ inline Cell windows_of(u32 at, u32 size, u32 cells, u32 before, const Parameters &p) {
    Cell found;
    if (p.adaptive) {
        found.first = at * cells / size;
        found.end = ((at + 1) * cells + size - 1) / size;
    } else {
        u32 place = at + before;
        found.first = place < p.window ? 0 : (place - p.window) / p.stride;
        found.end = place / p.stride + 1;
    }
    if (found.end > cells) found.end = cells;
    return found;
}

// The largest number of each window of a, and in `other` its place in the plane: the first of equals, row by row; of
// what is not a number the last. A place is below 2^24, so that a float holds it.
KERNEL(max_pool) {
    EACH(i) {
        u32 column = i % p.out_width, row = i / p.out_width % p.out_height;
        const float *plane = a + (u64)(i / p.out_width / p.out_height) * p.height * p.width;
        Cell rows = cell(row, p.height, p.out_height, p.top, p);
        Cell columns = cell(column, p.width, p.out_width, p.left, p);
        u32 best = rows.first * p.width + columns.first;
        for (u32 y = rows.first; y < rows.end; y++)
            for (u32 x = columns.first; x < columns.end; x++) {
                u32 at = y * p.width + x;
                if (plane[at] > plane[best] || plane[at] != plane[at]) best = at;
            }
        out[i] = plane[best];
        other[i] = (float)best;
    }
}

// The gradient of max_pool's input from the gradient a and the places b. Each pixel gathers from its windows, in
// their order: nothing is added by two threads.
KERNEL(max_pool_back) {
    EACH(i) {
        u32 column = i % p.width, row = i / p.width % p.height, own = row * p.width + column;
        u64 plane = (u64)(i / p.width / p.height) * p.out_height * p.out_width;
        Cell rows = windows_of(row, p.height, p.out_height, p.top, p);
        Cell columns = windows_of(column, p.width, p.out_width, p.left, p);
        float sum = 0.0f;
        for (u32 y = rows.first; y < rows.end; y++)
            for (u32 x = columns.first; x < columns.end; x++) {
                u64 at = plane + y * p.out_width + x;
                if (b[at] == (float)own) sum += a[at];
            }
        out[i] = sum;
    }
}

// The mean of what of each window of a lies inside the image.
KERNEL(average_pool) {
    EACH(i) {
        u32 column = i % p.out_width, row = i / p.out_width % p.out_height;
        const float *plane = a + (u64)(i / p.out_width / p.out_height) * p.height * p.width;
        Cell rows = cell(row, p.height, p.out_height, p.top, p);
        Cell columns = cell(column, p.width, p.out_width, p.left, p);
        float sum = 0.0f;
        for (u32 y = rows.first; y < rows.end; y++)
            for (u32 x = columns.first; x < columns.end; x++) sum += plane[y * p.width + x];
        out[i] = sum / ((rows.end - rows.first) * (columns.end - columns.first));
    }
}

// The gradient of average_pool's input from the gradient a.
KERNEL(average_pool_back) {
    EACH(i) {
        u32 column = i % p.width, row = i / p.width % p.height;
        u64 plane = (u64)(i / p.width / p.height) * p.out_height * p.out_width;
        Cell rows = windows_of(row, p.height, p.out_height, p.top, p);
        Cell columns = windows_of(column, p.width, p.out_width, p.left, p);
        float sum = 0.0f;
        for (u32 y = rows.first; y < rows.end; y++)
            for (u32 x = columns.first; x < columns.end; x++) {
                Cell high = cell(y, p.height, p.out_height, p.top, p);
                Cell wide = cell(x, p.width, p.out_width, p.left, p);
                bool inside = row >= high.first && row < high.end && column >= wide.first && column < wide.end;
                if (inside)
                    sum += a[plane + y * p.out_width + x] / ((high.end - high.first) * (wide.end - wide.first));
            }
        out[i] = sum;
    }
}

// Number `place` of the sequence of a key (Steele, Lea and Flood 2014, "splitmix64"), as `Random::at` of the CPU.
__device__ inline u64 drawn(u64 key, u64 place) {
    u64 mixed = key + (place + 1) * 0x9E3779B97F4A7C15ull;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ull;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBull;
    return mixed ^ (mixed >> 31);
}

// a, with 0 where the draw of the place is below the limit (of 2^53), times the scale elsewhere.
KERNEL(dropout) {
    EACH(i) out[i] = a[i] * (drawn(p.key, i) >> 11 < p.limit ? 0.0f : p.scale);
}
