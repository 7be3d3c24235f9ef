// Library-wide state: oneDNN's engine, shared scratch memory, threads, and queries from Python.
#include <cstdlib>

#include "onednn.hpp"

namespace shelfmind {

std::mutex running;
int threads = 1;

dnnl::engine &engine() {
    static dnnl::engine made(dnnl::engine::kind::cpu, 0);
    return made;
}
dnnl::stream &stream() {
    static dnnl::stream made(engine());
    return made;
}

void *scratch(Slot slot, size_t bytes) {
    static void *memory[SLOTS];
    static size_t sizes[SLOTS];
    if (bytes > sizes[slot]) {
        std::free(memory[slot]);
        sizes[slot] = (bytes + 4095) / 4096 * 4096;
        memory[slot] = std::aligned_alloc(4096, sizes[slot]);
        if (!memory[slot]) {
            sizes[slot] = 0;
            throw std::bad_alloc();
        }
    }
    return memory[slot];
}

}  // namespace shelfmind

// Prepares the library for this number of threads, or the limit of OMP_THREAD_LIMIT: oneDNN needs the exact number. The
// ONEDNN_MAX_CPU_ISA limit of MindSpore's oneDNN does not apply to this one. Returns oneDNN's version as
// major * 10000 + minor * 100 + patch, 0 if there is no CPU engine.
extern "C" int shelfmind_start(int usable_threads) {
    shelfmind::threads = std::min(usable_threads, omp_get_thread_limit());
    try {
        dnnl::set_max_cpu_isa(dnnl::cpu_isa::isa_default);
    } catch (const dnnl::error &) {  // already in use by an earlier call
    }
    try {
        shelfmind::engine();
    } catch (const dnnl::error &) {
        return 0;
    }
    const dnnl::version_t *version = dnnl::version();
    return version->major * 10000 + version->minor * 100 + version->patch;
}

// The instruction set that oneDNN uses here, as its code (dnnl_cpu_isa_t).
extern "C" int shelfmind_instructions() { return static_cast<int>(dnnl::get_effective_cpu_isa()); }
