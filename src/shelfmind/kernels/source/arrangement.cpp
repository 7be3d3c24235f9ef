#include "arrangement.hpp"

#include <immintrin.h>

using dnnl::memory;

namespace shelfmind {

void Arrangement::set(const memory::desc &from_, const memory::desc &to_) {
    from = from_;
    to = to_;
    kind = from == to ? SAME : recognise();
    if (kind == OTHER) reorder = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
}

void Arrangement::run(const void *source, void *target) const {
    if (kind == OTHER) {
        reorder.execute(stream(), {{DNNL_ARG_FROM, memory(from, engine(), const_cast<void *>(source))},
                                   {DNNL_ARG_TO, memory(to, engine(), target)}});
        stream().wait();
    } else {
        arrange(static_cast<const float *>(source), target);
    }
}

#ifdef __AVX512F__

namespace {

const int64_t TILE = 16;  // floats in a register

// Transposes a 16 x 16 matrix of 32-bit values.
inline void transpose(__m512i r[TILE]) {
    __m512i t[TILE], u[TILE];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {  // u[i + j]: column j of each group of four, rows i to i + 3
        u[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        u[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        u[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        u[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int j = 0; j < 4; j++) {
        __m512i even = _mm512_shuffle_i32x4(u[j], u[4 + j], 0x88), odd = _mm512_shuffle_i32x4(u[j], u[4 + j], 0xdd);
        __m512i even_below = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0x88);
        __m512i odd_below = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0xdd);
        r[j] = _mm512_shuffle_i32x4(even, even_below, 0x88);
        r[4 + j] = _mm512_shuffle_i32x4(odd, odd_below, 0x88);
        r[8 + j] = _mm512_shuffle_i32x4(even, even_below, 0xdd);
        r[12 + j] = _mm512_shuffle_i32x4(odd, odd_below, 0xdd);
    }
}

#ifdef __AVX512BF16__
const bool BF16 = true;
inline __m512i halves(const float *low, const float *high) {  // 16 values of each, as bfloat16
    return (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(high), _mm512_loadu_ps(low));
}
#else
const bool BF16 = false;
inline __m512i halves(const float *, const float *) { return _mm512_setzero_si512(); }
#endif

// Calls body(first index) for all tiles of 16 along a dimension, in parallel.
template <class Body>
void for_tiles(int64_t size, Body body) {
#pragma omp parallel num_threads(threads)
    {
        Range mine = share_of(size / TILE);
        for (int64_t tile = mine.begin; tile < mine.end; tile++) body(tile * TILE);
    }
}

// Step of the other dimension between stored vectors: bfloat16 is stored in pairs.
template <class T>
constexpr int64_t DEPTH = std::is_same<T, bfloat>::value ? 2 : 1;

}  // namespace

Arrangement::Kind Arrangement::recognise() {
    bool back = from.get_inner_nblks() > 0;
    const memory::desc &own = back ? from : to, &user = back ? to : from;
    memory::dims dims = own.get_dims(), padded = own.get_padded_dims(), strides = own.get_strides();
    memory::dims blocks = own.get_inner_blks(), axes = own.get_inner_idxs();
    if (dims.size() != 4 || dims[2] != 1 || dims[3] != 1 || user.get_inner_nblks() > 0) return OTHER;
    half = own.get_data_type() == memory::data_type::bf16;
    a = dims[0], b = dims[1], padded_a = padded[0], padded_b = padded[1], stride_a = strides[0], stride_b = strides[1];
    if (a % TILE || b % (half ? 2 * TILE : TILE) || blocks.empty() || blocks[0] % TILE) return OTHER;
    width = blocks[0];
    if (back) {
        bool tiles = !half && axes == memory::dims{1, 0} && blocks == memory::dims{TILE, TILE};
        return tiles && padded == dims ? FROM_TILES : OTHER;
    }
    bool strips_of_a = axes[0] == 0;
    if (padded[strips_of_a] != dims[strips_of_a]) return OTHER;  // only the last strip may be padded
    bool pairs = BF16 && axes.size() == 2 && axes[0] != axes[1] && blocks[1] == 2;
    if (half ? !pairs : axes.size() != 1) return OTHER;
    return strips_of_a ? STRIPS_OF_A : STRIPS_OF_B;
}

void Arrangement::from_tiles(const float *tiles, float *plain) const {
    for_tiles(a, [&](int64_t row) {
        for (int64_t column = 0; column < b; column += TILE) {
            __m512i r[TILE];
            const float *tile = tiles + row / TILE * stride_a + column / TILE * stride_b;
            for (int i = 0; i < TILE; i++) r[i] = _mm512_loadu_si512(tile + i * TILE);
            transpose(r);
            for (int i = 0; i < TILE; i++) _mm512_storeu_si512(plain + (row + i) * b + column, r[i]);
        }
    });
}

template <class T>
void Arrangement::to_strips_of_a(const float *plain, T *target) const {
    for_tiles(padded_a, [&](int64_t row) {
        T *strip = target + row / width * stride_a + row % width * DEPTH<T>;
        for (int64_t column = 0; column < b; column += DEPTH<T> * TILE) {
            __m512i r[TILE];
            for (int i = 0; i < TILE; i++) {
                const float *place = plain + (row + i) * b + column;
                r[i] = row >= a ? _mm512_setzero_si512() : DEPTH<T> == 2 ? halves(place, place + TILE)
                                                                         : _mm512_loadu_si512(place);
            }
            transpose(r);
            for (int i = 0; i < TILE; i++) _mm512_storeu_si512(strip + (column / DEPTH<T> + i) * stride_b, r[i]);
        }
    });
}

template <class T>
void Arrangement::to_strips_of_b(const float *plain, T *target) const {
    alignas(64) uint16_t order[2 * TILE];
    for (int i = 0; i < TILE; i++) order[2 * i] = i, order[2 * i + 1] = TILE + i;
    const __m512i alternately = _mm512_load_si512(order);
    for_tiles(padded_b, [&](int64_t column) {
        T *strip = target + column / width * stride_b + column % width * DEPTH<T>;
        for (int64_t row = 0; row < a; row += DEPTH<T>) {
            const float *place = plain + row * b + column;
            __m512i values = _mm512_setzero_si512();
            if (column < b)
                values = DEPTH<T> == 2 ? _mm512_permutexvar_epi16(alternately, halves(place, place + b))
                                       : _mm512_loadu_si512(place);
            _mm512_storeu_si512(strip + row / DEPTH<T> * stride_a, values);
        }
    });
}

void Arrangement::arrange(const float *given, void *target) const {
    float *wanted = static_cast<float *>(target);
    bfloat *wanted_halves = static_cast<bfloat *>(target);
    if (kind == FROM_TILES) {
        from_tiles(given, wanted);
    } else if (kind == STRIPS_OF_A) {
        half ? to_strips_of_a(given, wanted_halves) : to_strips_of_a(given, wanted);
    } else if (kind == STRIPS_OF_B) {
        half ? to_strips_of_b(given, wanted_halves) : to_strips_of_b(given, wanted);
    }
}

#else  // oneDNN arranges

Arrangement::Kind Arrangement::recognise() { return OTHER; }

void Arrangement::arrange(const float *, void *) const {}

#endif

}  // namespace shelfmind
