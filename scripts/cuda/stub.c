/* A driver for tests. It knows CUDA up to VERSION; with DEVICES 0 it finds no GPU, else one that cannot be opened. */
int cuInit(unsigned flags) {
    (void)flags;
    return DEVICES ? 0 : 100;
}

int cuDriverGetVersion(int *version) {
    *version = VERSION;
    return 0;
}

int cuDeviceGetCount(int *count) {
    *count = DEVICES;
    return 0;
}

int cuDeviceGet(int *device, int number) {
    *device = number;
    return number < DEVICES ? 0 : 101;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
    (void)device;
    *context = 0;
    return 2;
}

int cuGetErrorString(int error, const char **text) {
    *text = error == 100   ? "no CUDA-capable device is detected"
            : error == 101 ? "invalid device ordinal"
            : error == 2   ? "out of memory"
                           : "unknown error";
    return 0;
}

int cuGetErrorName(int error, const char **text) { return cuGetErrorString(error, text); }
