  // What the clients ask for is legal on AXI.
  function legal(input [63:0] address, input [8:0] beats);
    reg [12:0] end_in_page;
    begin
      end_in_page = address[11:0] + (beats << LOG2_BEAT);
      legal = beats != 0 && beats <= 256 && address[LOG2_BEAT-1:0] == 0
        && (beats << LOG2_BEAT) <= 4096 && end_in_page <= 4096;
    end
  endfunction
  always @* begin
    assume (!request_0 || legal(address_0, beats_0));
    assume (!request_1 || legal(address_1, beats_1));
    assume (!request_2 || legal(address_2, beats_2));
    assume (!reset_any); // only when nothing is under way: then the start is one of them
  end
  // What the bus answers: only bursts that were asked for.
  reg [TAG_BITS:0] out_0, out_1, out_2;
  reg accepted_any;
  wire taken = rvalid && rready;
  wire ends = taken && rlast;
  always @(posedge clock) begin
    if (reset) begin
      out_0 <= 0; out_1 <= 0; out_2 <= 0;
    end else begin
      out_0 <= out_0 + (arvalid && arready && arid == 0) - (ends && rid == 0);
      out_1 <= out_1 + (arvalid && arready && arid == 1) - (ends && rid == 1);
      out_2 <= out_2 + (arvalid && arready && arid == 2) - (ends && rid == 2);
    end
  end
  always @* begin
    assume (!rvalid || (rid == 0 && out_0 != 0) || (rid == 1 && out_1 != 0) || (rid == 2 && out_2 != 0));
  end
  reg past_waits;
  reg [63:0] past_addr;
  reg [7:0] past_len, past_id;
  always @(posedge clock) begin
    past_waits <= arvalid && !arready && !reset;
    past_addr <= araddr;
    past_len <= arlen;
    past_id <= arid;
  end
  wire [TAG_BITS-2:0] logged_0 = newest_0 - next_0, held_0 = out_0 + (arvalid && arid == 0);
  wire [TAG_BITS-2:0] logged_1 = newest_1 - next_1, held_1 = out_1 + (arvalid && arid == 1);
  wire [TAG_BITS-2:0] logged_2 = newest_2 - next_2, held_2 = out_2 + (arvalid && arid == 2);
  wire [TAG_BITS+2:0] sum = out_0 + out_1 + out_2 + arvalid;
  always @* if (!first) begin
    // A request stays until it is accepted, and is legal.
    if (past_waits) begin
      assert (arvalid);
      assert (araddr == past_addr && arlen == past_len && arid == past_id);
    end
    if (arvalid) assert (legal(araddr, {1'b0, arlen} + 9'd1));
    if (arvalid) assert (arid <= 2);
    // No more reads under way than tags, and their number is known.
    assert (under_way == sum);
    assert (sum <= TAGS);
    assert (busy == (sum != 0));
    // No beat is lost: every one goes to the client that asked.
    assert (beat_valid_0 == (rvalid && rid == 0));
    assert (beat_valid_1 == (rvalid && rid == 1));
    assert (beat_valid_2 == (rvalid && rid == 2));
    // The log of addresses, a queue per client, holds what is under way.
    assert (logged_0 == held_0);
    assert (logged_1 == held_1);
    assert (logged_2 == held_2);
    // One client at a time.
    assert (granted_0 + granted_1 + granted_2 <= 1);
    if (granted_0) assert (request_0);
    if (granted_1) assert (request_1 && !request_0);
    if (granted_2) assert (request_2 && !request_1 && !request_0);
  end
