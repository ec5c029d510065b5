/* libjpeg-turbo behind an opaque handle, for src/decode/libjpeg.rs.
 *
 * Why C: libjpeg reports a fatal error by calling error_exit, which must not return. The only way out is longjmp, and that must
 * not cross Rust frames. So every entry point below sets its own jump target, and every jump ends inside this file.
 *
 * Differences from libjpeg's own memory source, each of which serves truncated files:
 * - data that end inside entropy-coded data are followed by a made-up EOI, as in libjpeg and in Pillow: the rest is filled;
 * - data that end inside a marker segment (a Huffman table between two scans, say) suspend the decoder, which then sees an EOI in
 *   place of that segment. libjpeg alone would read made-up EOIs as the segment's contents and fail, losing the earlier scans;
 * - the place where the data ended is noted.
 */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jpeglib.h"
#include "jerror.h"

#define MARKER_EOI 0xD9
#define MARKER_SOF0 0xC0
#define MARKER_RST0 0xD0
#define MARKER_RST7 0xD7

/* Largest number of rows that one call of tcolz_jpeg_read takes; the Rust side knows it as MAX_STRIP_ROWS. */
#define MAX_STRIP_ROWS 64

enum { DONE = 0, FATAL = 1, TOO_MANY_SCANS = 2, NO_MEMORY = 3, CUT = 4 };

/* The Rust side declares the same three structs, field by field. */
struct tcolz_jpeg_header {
  uint32_t width, height;
  int32_t components;          /* 1 grey, 3 colour, 4 CMYK or YCCK */
  int32_t data_precision;      /* bits a sample */
  int32_t progressive;         /* spectral selection or successive approximation */
  int32_t multiple_scans;      /* the whole picture's coefficients are held in memory */
  uint64_t coefficient_bytes;  /* size of those coefficients; 0 unless multiple_scans */
  uint64_t row_bytes;          /* one iMCU row of all components as samples: the unit of libjpeg's working buffers */
  uint16_t luma_table[64];     /* quantisation table of component 0 in natural order; all 0 where the file has none */
};

struct tcolz_jpeg_output {
  uint32_t width, height;
  uint32_t mcu_rows; /* output rows that one iMCU row gives */
};

struct tcolz_jpeg_status {
  uint32_t rows_reached; /* source rows whose first luminance data are there */
  int32_t incomplete;    /* data are missing, of whatever kind */
  char message[JMSG_LENGTH_MAX]; /* of the failure; empty without one */
};

struct tcolz_jpeg {
  struct jpeg_decompress_struct cinfo; /* first: the callbacks cast back from it */
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  int failure;
  char message[JMSG_LENGTH_MAX];
  int max_scans;

  int started;            /* past the header */
  int dry;                /* the source was asked for bytes beyond its end */
  int cut_in_segment;     /* ... while inside a marker segment, and the decoder is suspended */
  int no_more_scans;      /* ... and was resumed: what a cut scan header left in cinfo means nothing */
  int data_ended;         /* entropy-coded data ran out; the two fields below say where */
  int ended_in_luma;      /* ... in the first scan that carries luminance */
  JDIMENSION ended_row;   /* ... at this iMCU row */
  int luma_begun;         /* a scan that carries luminance from its first bits has begun */
  int luma_scan;          /* the number of that scan */
  int components_begun;   /* bit c: a scan with component c has begun */
};

static const JOCTET END_OF_IMAGE[2] = { 0xFF, MARKER_EOI };

/* ---- error manager ---- */

static void on_fatal(j_common_ptr common)
{
  struct tcolz_jpeg *jpeg = (struct tcolz_jpeg *)common;
  (*common->err->format_message) (common, jpeg->message);
  jpeg->failure = common->err->msg_code == JERR_OUT_OF_MEMORY ? NO_MEMORY : FATAL;
  longjmp(jpeg->escape, 1);
}

/* Which components have been begun, and by which scan the luminance. Called whenever a scan may be new. */
static void note_scan(struct tcolz_jpeg *jpeg)
{
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  int i;
  if (jpeg->no_more_scans)
    return;
  for (i = 0; i < cinfo->comps_in_scan; i++) {
    int index;
    if (cinfo->cur_comp_info[i] == NULL)
      return; /* a scan header being read */
    index = cinfo->cur_comp_info[i]->component_index;
    jpeg->components_begun |= 1 << index;
    if (index == 0 && !jpeg->luma_begun && (!cinfo->progressive_mode || (cinfo->Ss == 0 && cinfo->Ah == 0))) {
      jpeg->luma_begun = 1;
      jpeg->luma_scan = cinfo->input_scan_number;
    }
  }
}

static void note_end(struct tcolz_jpeg *jpeg)
{
  if (jpeg->data_ended)
    return;
  note_scan(jpeg);
  jpeg->data_ended = 1;
  jpeg->ended_row = jpeg->cinfo.input_iMCU_row;
  jpeg->ended_in_luma = jpeg->luma_begun && jpeg->luma_scan == jpeg->cinfo.input_scan_number;
}

/* Warnings are ignored, as Pillow does, but for the one that tells where the data end. */
static void on_message(j_common_ptr common, int level)
{
  struct tcolz_jpeg *jpeg = (struct tcolz_jpeg *)common;
  /* The decoder needed bits and met the end of the image, a real one or ours. */
  if (level < 0 && common->err->msg_code == JWRN_HIT_MARKER && jpeg->cinfo.unread_marker == MARKER_EOI)
    note_end(jpeg);
}

static void on_output(j_common_ptr common)
{
  (void)common;
}

/* ---- source manager: one piece of memory ---- */

static void source_begin(j_decompress_ptr cinfo)
{
  (void)cinfo;
}

static boolean source_fill(j_decompress_ptr cinfo)
{
  struct tcolz_jpeg *jpeg = (struct tcolz_jpeg *)cinfo;
  int marker = cinfo->unread_marker;
  jpeg->dry = 1;
  /* Inside a marker segment. (Smaller numbers and restarts are seen while the decoder looks for its place in damaged entropy-coded
   * data, where arithmetic decoding cannot be suspended.) */
  if (marker >= MARKER_SOF0 && (marker < MARKER_RST0 || marker > MARKER_RST7)) {
    jpeg->cut_in_segment = 1;
    return FALSE;
  }
  /* Arithmetic coding may leave out trailing zero bytes, so libjpeg gives no warning when it lacks data. */
  if (cinfo->arith_code && jpeg->started && cinfo->input_iMCU_row < cinfo->total_iMCU_rows)
    note_end(jpeg);
  cinfo->src->next_input_byte = END_OF_IMAGE;
  cinfo->src->bytes_in_buffer = sizeof(END_OF_IMAGE);
  return TRUE;
}

static void source_skip(j_decompress_ptr cinfo, long count)
{
  struct jpeg_source_mgr *source = cinfo->src;
  if (count <= 0)
    return;
  if ((size_t)count > source->bytes_in_buffer)
    count = (long)source->bytes_in_buffer; /* the next read runs dry */
  source->next_input_byte += count;
  source->bytes_in_buffer -= (size_t)count;
}

static void source_end(j_decompress_ptr cinfo)
{
  (void)cinfo;
}

/* After a suspension: let the decoder find the end of the image where the cut segment began. 0 if that was not the cause. */
static int end_at_cut(struct tcolz_jpeg *jpeg)
{
  if (!jpeg->cut_in_segment)
    return 0;
  jpeg->cut_in_segment = 0;
  jpeg->no_more_scans = 1;
  jpeg->cinfo.unread_marker = 0;
  jpeg->source.next_input_byte = END_OF_IMAGE;
  jpeg->source.bytes_in_buffer = sizeof(END_OF_IMAGE);
  return 1;
}

/* ---- progress: called before each iMCU row of input while a multi-scan file is absorbed ---- */

static void on_progress(j_common_ptr common)
{
  struct tcolz_jpeg *jpeg = (struct tcolz_jpeg *)common;
  if (jpeg->cinfo.input_scan_number > jpeg->max_scans) {
    jpeg->failure = TOO_MANY_SCANS;
    longjmp(jpeg->escape, 1);
  }
  note_scan(jpeg);
}

/* ---- entry points ---- */

/* Version of the library that is linked: major * 1000000 + minor * 1000 + revision. */
int tcolz_jpeg_version(void)
{
  return LIBJPEG_TURBO_VERSION_NUMBER;
}

void tcolz_jpeg_free(struct tcolz_jpeg *jpeg)
{
  if (jpeg == NULL)
    return;
  jpeg_destroy_decompress(&jpeg->cinfo); /* never fails */
  free(jpeg);
}

static int create(struct tcolz_jpeg *jpeg)
{
  if (setjmp(jpeg->escape))
    return 0;
  jpeg_create_decompress(&jpeg->cinfo);
  return 1;
}

/* A fresh decoder, or NULL without memory. One for each file: libjpeg keeps Huffman and quantisation tables over an abort, and
 * a file that lacks them would silently take those of the file before it. */
struct tcolz_jpeg *tcolz_jpeg_new(void)
{
  struct tcolz_jpeg *jpeg = calloc(1, sizeof(*jpeg));
  if (jpeg == NULL)
    return NULL;
  jpeg->cinfo.err = jpeg_std_error(&jpeg->errors);
  jpeg->errors.error_exit = on_fatal;
  jpeg->errors.emit_message = on_message;
  jpeg->errors.output_message = on_output;
  if (!create(jpeg)) {
    tcolz_jpeg_free(jpeg);
    return NULL;
  }
  jpeg->source.init_source = source_begin;
  jpeg->source.fill_input_buffer = source_fill;
  jpeg->source.skip_input_data = source_skip;
  jpeg->source.resync_to_restart = jpeg_resync_to_restart;
  jpeg->source.term_source = source_end;
  jpeg->cinfo.src = &jpeg->source;
  jpeg->progress.progress_monitor = on_progress;
  jpeg->cinfo.progress = &jpeg->progress;
  return jpeg;
}

static uint64_t round_up(uint64_t value, int step)
{
  return (value + (uint64_t)step - 1) / (uint64_t)step * (uint64_t)step;
}

/* Reads up to the first scan. data must stay where it is until the handle is freed. */
int tcolz_jpeg_read_header(struct tcolz_jpeg *jpeg, const uint8_t *data, size_t length, int max_scans,
                           struct tcolz_jpeg_header *header)
{
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  int i;

  memset(header, 0, sizeof(*header));
  jpeg->source.next_input_byte = data;
  jpeg->source.bytes_in_buffer = length;
  jpeg->max_scans = max_scans;
  if (setjmp(jpeg->escape))
    return jpeg->failure;
  if (jpeg_read_header(cinfo, TRUE) != JPEG_HEADER_OK) {
    snprintf(jpeg->message, sizeof(jpeg->message), "data end inside the header");
    return jpeg->failure = CUT;
  }
  header->width = cinfo->image_width;
  header->height = cinfo->image_height;
  header->components = cinfo->num_components;
  header->data_precision = cinfo->data_precision;
  header->progressive = cinfo->progressive_mode;
  header->multiple_scans = jpeg_has_multiple_scans(cinfo);
  for (i = 0; i < cinfo->num_components; i++) {
    const jpeg_component_info *component = &cinfo->comp_info[i];
    uint64_t columns = round_up(component->width_in_blocks, component->h_samp_factor);
    uint64_t rows = round_up(component->height_in_blocks, component->v_samp_factor);
    if (header->multiple_scans)
      header->coefficient_bytes += columns * rows * DCTSIZE2 * sizeof(JCOEF);
    header->row_bytes += columns * DCTSIZE * (uint64_t)component->v_samp_factor * DCTSIZE;
  }
  if (cinfo->num_components > 0) {
    int number = cinfo->comp_info[0].quant_tbl_no;
    if (number >= 0 && number < NUM_QUANT_TBLS && cinfo->quant_tbl_ptrs[number] != NULL)
      memcpy(header->luma_table, cinfo->quant_tbl_ptrs[number]->quantval, sizeof(header->luma_table));
  }
  return DONE;
}

/* Starts decoding at scale eighths/8, to RGB or, for four components, to CMYK as stored. Everything else is libjpeg's default,
 * which is Pillow's: accurate integer DCT, smooth upsampling of chroma, smoothing of blocks whose scans are missing.
 * A file of several scans is read to its end here. */
int tcolz_jpeg_start(struct tcolz_jpeg *jpeg, uint32_t eighths, struct tcolz_jpeg_output *output)
{
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;

  memset(output, 0, sizeof(*output));
  if (setjmp(jpeg->escape))
    return jpeg->failure;
  jpeg->started = 1;
  cinfo->scale_num = eighths;
  cinfo->scale_denom = 8;
  cinfo->out_color_space = cinfo->num_components == 4 ? JCS_CMYK : JCS_RGB;
  while (!jpeg_start_decompress(cinfo)) {
    if (!end_at_cut(jpeg)) {
      snprintf(jpeg->message, sizeof(jpeg->message), "decoder stopped without a reason");
      return jpeg->failure = FATAL;
    }
  }
  output->width = cinfo->output_width;
  output->height = cinfo->output_height;
  output->mcu_rows = (uint32_t)cinfo->max_v_samp_factor * (uint32_t)cinfo->min_DCT_scaled_size;
  return DONE;
}

/* Writes up to count (at most MAX_STRIP_ROWS) rows of `stride` bytes to dest; *done says how many, fewer only at the picture's end. */
int tcolz_jpeg_read(struct tcolz_jpeg *jpeg, uint8_t *dest, size_t stride, uint32_t count, uint32_t *done)
{
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  JSAMPROW rows[MAX_STRIP_ROWS];
  uint32_t i;

  *done = 0;
  if (count > MAX_STRIP_ROWS)
    count = MAX_STRIP_ROWS;
  for (i = 0; i < count; i++)
    rows[i] = dest + (size_t)i * stride;
  if (setjmp(jpeg->escape))
    return jpeg->failure;
  while (*done < count && cinfo->output_scanline < cinfo->output_height) {
    JDIMENSION got = jpeg_read_scanlines(cinfo, rows + *done, count - *done);
    *done += got;
    if (got == 0 && !end_at_cut(jpeg)) {
      snprintf(jpeg->message, sizeof(jpeg->message), "decoder stopped without a reason");
      return jpeg->failure = FATAL;
    }
  }
  return DONE;
}

/* Are there coefficients that no scan has brought, or not to their last bit? Only known for files of several scans. */
static int lacks_detail(const struct tcolz_jpeg *jpeg)
{
  const struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  int c, k;
  if (jpeg->components_begun != 0 && jpeg->components_begun != (1 << cinfo->num_components) - 1)
    return 1;
  if (!cinfo->progressive_mode || cinfo->coef_bits == NULL)
    return 0;
  for (c = 0; c < cinfo->num_components; c++)
    for (k = 0; k < DCTSIZE2; k++)
      if (cinfo->coef_bits[c][k] != 0)
        return 1;
  return 0;
}

/* What is known after the last row, or after a failure. */
void tcolz_jpeg_status(const struct tcolz_jpeg *jpeg, struct tcolz_jpeg_status *status)
{
  const struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  uint64_t mcu_height = (uint64_t)cinfo->max_v_samp_factor * DCTSIZE;
  uint64_t reached = cinfo->image_height;
  if (cinfo->total_iMCU_rows * (uint64_t)cinfo->max_v_samp_factor >= cinfo->image_height)
    mcu_height = (uint64_t)cinfo->max_v_samp_factor; /* lossless: no blocks */

  memset(status, 0, sizeof(*status));
  if (jpeg->data_ended && jpeg->ended_in_luma)
    reached = jpeg->ended_row * mcu_height;
  else if (jpeg->data_ended && !jpeg->luma_begun)
    reached = 0;
  status->incomplete = jpeg->data_ended || (jpeg->dry && lacks_detail(jpeg));
  status->rows_reached = (uint32_t)(reached < cinfo->image_height ? reached : cinfo->image_height);
  memcpy(status->message, jpeg->message, sizeof(status->message));
}
