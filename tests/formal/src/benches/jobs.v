  localparam IDLE = 0, REQUEST = 1, RECEIVE = 2, DRAIN = 9, COMPLETE = 10, ANSWER = 11, NEXT = 12;
  // What the host does: ring sizes hold still; its indices start at 0 and only move forward, the producer never
  // past the ring, the consumer never past what was produced.
  reg fresh = 1'b1;
  reg [3:0] past_command_log2, past_completion_log2, past_state;
  reg [31:0] past_producer, past_consumer, past_completion_producer, past_completion_consumer;
  reg past_burst_waits, past_halted, past_resume;
  reg [63:0] past_burst_address, past_command_base, before_command_base, past_completion_base;
  wire [31:0] command_size = 32'd1 << command_log2;
  wire [31:0] completion_size = 32'd1 << completion_log2;
  always @(posedge clock) begin
    fresh <= reset;
    past_command_log2 <= command_log2;
    past_completion_log2 <= completion_log2;
    past_producer <= producer;
    past_consumer <= consumer;
    past_completion_producer <= completion_producer;
    past_completion_consumer <= completion_consumer;
    past_state <= state_q;
    past_halted <= halted;
    past_resume <= resume;
    past_burst_waits <= burst_valid && !burst_ready && !reset;
    past_burst_address <= burst_address;
    past_command_base <= command_base;
    before_command_base <= past_command_base;
    past_completion_base <= completion_base;
  end
  wire [31:0] jobs = producer - consumer;
  wire [31:0] past_jobs = past_producer - past_consumer;
  wire [31:0] new_jobs = producer - past_producer;
  wire [31:0] past_held = past_completion_producer - past_completion_consumer;
  wire [31:0] new_room = completion_consumer - past_completion_consumer;
  always @* begin
    if (first || fresh) begin
      assume (producer == 0);
      assume (completion_consumer == 0);
    end else begin
      assume (command_log2 == past_command_log2);
      assume (completion_log2 == past_completion_log2);
      assume (past_jobs + new_jobs <= command_size && new_jobs <= command_size);
      assume (new_room <= past_held);
    end
  end
  // The model: the completion ring's slot and phase, and the entry that is being written.
  reg [31:0] slot;
  reg lap, writing, left;
  wire completes = past_completion_producer != completion_producer && !fresh && !first;
  always @(posedge clock) begin
    if (reset) begin
      slot <= 0;
      lap <= 1;
      writing <= 0;
      left <= 0;
    end else begin
      if (state_q == ANSWER && quiet) begin
        slot <= slot == completion_size - 1 ? 0 : slot + 1;
        if (slot == completion_size - 1) lap <= !lap;
        writing <= 0;
        left <= 0;
      end
      if (complete) writing <= 1;
      if (writing && !left && completion_done) left <= 1;
    end
  end
  wire [31:0] held = completion_producer - completion_consumer;
  always @* if (!first) begin
    // What Idle decides by is a cycle old, and still holds: the producer moves only on the way from Answer to Next.
    if (!fresh) assert (completions_held_q == past_held);
    if (!fresh) assert (phase == !((past_completion_producer >> completion_log2) & 1));
    if (!fresh) assert (completion_address == past_completion_base
      + ({32'd0, past_completion_producer & (completion_size - 1)} << 5));
    if (!fresh && state_q != NEXT) assert (past_completion_producer == completion_producer);
    if (!fresh && state_q != NEXT) assert (past_consumer == consumer);
    assert (burst_valid == (state_q == REQUEST));
    if (state_q == IDLE) assert (held <= completions_held_q && completions_held_q <= completion_size);
    // Neither ring is overrun; a running job has its completion's place.
    assert (held <= completion_size);
    if (state_q != IDLE && state_q != NEXT) assert (held < completion_size);
    assert (jobs <= command_size);
    if (state_q != IDLE && state_q != NEXT) assert (jobs != 0);
    // A completion per command, in order.
    assert (consumer == completion_producer);
    assert (command_index == consumer);
    // Slot, phase and addresses.
    assert (slot < completion_size);
    if (state_q != IDLE && state_q != NEXT) assert (phase == lap);
    if (state_q != IDLE && state_q != NEXT) assert (completion_address == past_completion_base + ({32'd0, slot} << 5));
    assert (slot == (completion_producer & (completion_size - 1)));
    assert (lap == !((completion_producer >> completion_log2) & 1));
    if (burst_valid) assert (burst_address == past_command_base + ({32'd0, consumer & (command_size - 1)} << 7));
    // An entry is written once, and counted when its response is there.
    assert (writing == (state_q == COMPLETE || state_q == ANSWER));
    assert (left == (state_q == ANSWER));
    assert (!(complete && writing));
    assert (completing == writing);
    if (notify) assert (left && quiet);
    if (completes) assert (completion_producer == past_completion_producer + 1 && past_state == ANSWER);
    assert (state_q <= NEXT);
    // Requests hold still until they are taken; a halted queue asks for nothing.
    if (past_burst_waits && !fresh) assert (burst_valid);
    if (past_burst_waits && !fresh && past_command_base == before_command_base) assert (burst_address == past_burst_address);
    if (halted && (state_q == REQUEST || state_q == RECEIVE)) assert (0);
    if (halted) assert (state_q == IDLE || state_q == NEXT || state_q == COMPLETE || state_q == ANSWER);
    if (past_halted && !past_resume && !fresh) assert (halted);
  end
